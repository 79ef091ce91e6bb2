import { join, resolve } from "node:path";
import { OperatorError } from "../lib/errors.ts";
import type { LogFormat, LogLevel } from "../lib/log.ts";
import type { Network } from "../lib/networks.ts";
import { type ListenAddress, originOf } from "./addresses.ts";
import { readPath } from "./places.ts";
import { faultLine, type ReadSettings, readSettings } from "./reading.ts";
import { contradictions, doubts, refreshTokenIdleOf } from "./rules.ts";
import { defaultDataDir, mostConcurrency, type SettingName } from "./settings.ts";
import { readSettingsFile } from "./settings-file.ts";
import { type ConfigSources, givenOutside, labelOf, textOf, unknownNames } from "./sources.ts";

export type { ListenAddress } from "./addresses.ts";
export { type SettingFlag, settingFlags, settingsTable } from "./settings-table.ts";
export type { ConfigSources } from "./sources.ts";

/** Everything that can be set. Durations are milliseconds, paths absolute. */
export type Config = {
  dataDir: string;
  listen: ListenAddress;
  /** Without a trailing slash; undefined: see publicUrlOf. */
  publicUrl: string | undefined;
  tls: { certFile: string; keyFile: string } | undefined;
  secretKeyFile: string;
  trustedProxies: Network[];
  corsOrigins: string[];
  accessTokenTtl: number;
  refreshTokenIdle: number;
  sessionTtl: number;
  refreshGrace: number;
  keyPublishAhead: number;
  passwordMinLength: number;
  /** queue undefined: as many as are hashed in 5 s. */
  hash: { memoryKib: number; iterations: number; concurrency: number; queue: number | undefined };
  webhookAllowNetworks: Network[];
  /** The wait before each attempt, the first 0. */
  webhookSchedule: number[];
  eventRetention: number;
  deadLetterRetention: number;
  swagger: boolean;
  logLevel: LogLevel;
  /** undefined: text on a terminal, else json. */
  logFormat: LogFormat | undefined;
  metricsListen: ListenAddress | undefined;
};

/**
 * Reads the settings: a flag before a variable before a line of postern.toml before the default. Throws OperatorError
 * with a line for each fault. A warning is one line too.
 */
export function readConfig(sources: ConfigSources): { config: Config; warnings: string[] } {
  const dataDir = readDataDir(sources);
  const file = readSettingsFile(dataDir);
  const read = readSettings(sources, file);
  const faults = contradictions(read);
  if (faults.length > 0) throw new OperatorError(faults.join("\n"));
  const config = assemble(read, dataDir, sources.defaultConcurrency);
  return { config, warnings: [...unknownNames(sources, file), ...doubts(read)] };
}

/**
 * The URL that names the server outside: the setting or, without one, where it listens. `actualPort` is the one that
 * port 0 became.
 */
export function publicUrlOf({ publicUrl, tls, listen }: Config, actualPort: number): string {
  return publicUrl ?? originOf(tls === undefined ? "http" : "https", { ...listen, port: actualPort });
}

/** The data folder comes first: it holds the file with the others. */
function readDataDir(sources: ConfigSources): string {
  const given = givenOutside("dataDir", sources);
  try {
    return resolve(readPath(given === undefined ? defaultDataDir : textOf(given)));
  } catch (error) {
    throw new OperatorError(faultLine("dataDir", labelOf("dataDir", given?.from), error));
  }
}

function assemble(read: ReadSettings, dataDir: string, defaultConcurrency: number): Config {
  const { values, given } = read;
  /** A path in postern.toml is meant from where the file lies: commands in other folders read it too. */
  const absolute = (name: SettingName, path: string) =>
    given.get(name)?.from === "file" ? resolve(dataDir, path) : resolve(path);
  const { tlsCert, tlsKey, secretKeyFile } = values;
  const cores = Math.min(Math.max(defaultConcurrency, 1), mostConcurrency);
  return {
    dataDir,
    listen: values.listen,
    publicUrl: values.publicUrl,
    tls:
      tlsCert === undefined || tlsKey === undefined
        ? undefined
        : { certFile: absolute("tlsCert", tlsCert), keyFile: absolute("tlsKey", tlsKey) },
    secretKeyFile:
      secretKeyFile === undefined ? join(dataDir, "secret.key") : absolute("secretKeyFile", secretKeyFile),
    trustedProxies: values.trustedProxies,
    corsOrigins: values.corsOrigins,
    accessTokenTtl: values.accessTokenTtl,
    refreshTokenIdle: refreshTokenIdleOf(read),
    sessionTtl: values.sessionTtl,
    refreshGrace: values.refreshGrace,
    keyPublishAhead: values.keyPublishAhead,
    passwordMinLength: values.passwordMinLength,
    hash: {
      memoryKib: values.hashMemoryKib,
      iterations: values.hashIterations,
      concurrency: values.hashConcurrency ?? cores,
      queue: values.hashQueue,
    },
    webhookAllowNetworks: values.webhookAllowNetworks,
    webhookSchedule: values.webhookSchedule,
    eventRetention: values.eventRetention,
    deadLetterRetention: values.deadLetterRetention,
    swagger: values.swagger,
    logLevel: values.logLevel,
    logFormat: values.logFormat,
    metricsListen: values.metricsListen,
  };
}
