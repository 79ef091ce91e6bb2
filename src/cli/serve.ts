import { existsSync } from "node:fs";
import { startServer } from "../compose.ts";
import { type Config, settingFlags } from "../config/config.ts";
import { firstAccountAlias, firstUserEmail } from "../features/accounts/first-run.ts";
import { systemClock } from "../lib/clock.ts";
import { loopbackHost } from "../lib/local-health.ts";
import { type Log, makeLog } from "../lib/log.ts";
import { version } from "../lib/version.ts";
import { type Command, dataDirOption, type Option } from "./command.ts";

const settingOptions: Record<string, Option> = Object.fromEntries(
  settingFlags().map(({ flag, variable, sentence, default: fallback }) => [
    flag,
    { kind: "text", value: "VALUE", help: `${sentence} ${variable}; if unset: ${fallback}.` } as const,
  ]),
);

export const serve: Command = {
  name: "serve",
  summary:
    "Serves logins until it is told to stop (SIGTERM, SIGINT). An empty data folder is made usable first.",
  options: { ...settingOptions, ...dataDirOption },
  notes: [
    "Each setting is a flag of this command, a variable, or a line of postern.toml in the data folder: the first of these that is given counts.",
  ],
  async run({ config: readSettings, output }) {
    const stopped = stopSignal();
    const config = readSettings();
    const log = makeServerLog(config);
    const server = await startServer(config, { log });
    const { port } = new URL(server.url);
    const scheme = config.tls === undefined ? "http" : "https";
    const url = `${scheme}://${loopbackHost(config.listen.host)}${port === "" ? "" : `:${port}`}`;
    log.info("listening", { url, version });
    await output.line(`Postern ${version} answers at ${url}`);
    if (existsSync(server.folder.initialPassword)) {
      for (const line of firstLogin(url, server.folder.initialPassword)) await output.line(line);
    }
    log.info("stopping", { signal: await stopped });
    await server.stop();
    log.info("stopped");
    return 0;
  },
};

/** Logs go to standard error, so that what is said to a person stands alone on standard output. */
function makeServerLog({ logLevel, logFormat }: Config): Log {
  return makeLog({
    level: logLevel,
    format: logFormat ?? (process.stderr.isTTY ? "text" : "json"),
    clock: systemClock,
    write: (line) => process.stderr.write(line),
  });
}

/**
 * ms. From a terminal one Ctrl-C arrives several times where the server runs under another program: from the terminal
 * itself and from each program that passes it on.
 */
const sameSignalMs = 1_000;

const stopSignals = ["SIGTERM", "SIGINT"] as const;

/**
 * The name of the first signal to stop. A second one, asked for by a person who will not wait, ends the process at
 * once.
 */
function stopSignal(): Promise<NodeJS.Signals> {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
  for (const signal of stopSignals) process.on(signal, resolve);
  void promise.then(() => {
    systemClock.after(sameSignalMs, () => {
      for (const signal of stopSignals) process.off(signal, resolve);
    });
  });
  return promise;
}

/**
 * A login to paste. The password goes from its file to the body by `printf`, which is part of the shell, and by
 * standard input: it is in no program's arguments, and not on the screen.
 */
function firstLogin(url: string, passwordFile: string): string[] {
  // The account is named, so that the call works beside further accounts, too.
  const body = `{"accountAlias":"${firstAccountAlias}","email":"${firstUserEmail}","password":"%s"}`;
  const insecure = url.startsWith("https:") ? "--insecure " : "";
  return [
    "",
    `The first user is ${firstUserEmail}; its password lies in ${passwordFile} until it is changed. Log in with it:`,
    "",
    `  printf '${body}' "$(cat ${shellQuoted(passwordFile)})" | curl -sS ${insecure}-H 'Content-Type: application/json' --data-binary @- ${url}/v3/accounts/login`,
    "",
  ];
}

function shellQuoted(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
