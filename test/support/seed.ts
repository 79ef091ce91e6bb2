import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { binary, cheapHashes, temporaryFolder } from "./postern.ts";

/** The password of every seeded user, unless the test gives another. */
export const password = "correct horse battery staple";

/** The account that tests work in, with an id of the kind that desktop clients carry. */
export const account = { id: "3fa85f64-5717-4562-b3fc-2c963f66afa6", alias: "Acme-Corp" };

/** A line of an import file. */
export type ImportLine = { kind: string } & Record<string, unknown>;

/** The line of a user: `name@example.com`, with the usual password. */
export function user(name: string, fields: Record<string, unknown> = {}): ImportLine {
  return {
    kind: "user",
    email: `${name}@example.com`,
    firstName: name,
    lastName: "Example",
    password,
    ...fields,
  };
}

/** The line of a webhook that wants every login. Loopback receivers need POSTERN_WEBHOOK_ALLOW_NETWORKS. */
export function webhook(url: string, token: string, fields: Record<string, unknown> = {}): ImportLine {
  return { kind: "webhook", name: "receiver", url, events: ["account.logged-in"], token, ...fields };
}

/** Runs a command of the program on a data folder, beside a server or without one. Throws what it said when it refused. */
export async function command(
  dataDir: string,
  args: readonly string[],
  { input = "", settings = {} }: { input?: string; settings?: Record<string, string> } = {},
): Promise<string> {
  const child = Bun.spawn([binary, ...args], {
    env: { PATH: process.env["PATH"] ?? "", POSTERN_DATA_DIR: dataDir, ...cheapHashes, ...settings },
    stdin: new Blob([input]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [code, said, refused] = await Promise.all([
    child.exited,
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  if (code !== 0) throw new Error(`postern ${args.join(" ")} ended with ${code}: ${refused}`);
  return said;
}

export function createAccount(
  dataDir: string,
  { id, alias }: { id: string; alias: string },
): Promise<string> {
  return command(dataDir, ["account", "create", "--id", id, "--alias", alias, "--company", "Acme Ltd"]);
}

/** Imports records into an account. A webhook to this machine is refused unless the settings allow it. */
export function importRecords(
  dataDir: string,
  lines: readonly ImportLine[],
  accountId = account.id,
  settings: Record<string, string> = {},
): Promise<string> {
  const file = join(temporaryFolder(), "records.jsonl");
  writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  return command(dataDir, ["import", file, "--account", accountId], { settings });
}

/** A new data folder with one account, and these records in it. */
export async function seededFolder(lines: readonly ImportLine[]): Promise<string> {
  const dataDir = temporaryFolder();
  await createAccount(dataDir, account);
  await importRecords(dataDir, lines);
  return dataDir;
}

/** Names of users that nobody has used yet: failures of one test lock nobody in another. */
export function userPool(prefix: string, size: number) {
  const names = Array.from({ length: size }, (_, index) => `${prefix}-${index}`);
  let taken = 0;
  return {
    names,
    /** The e-mail address of the next user. */
    take(): string {
      const name = names[taken];
      if (name === undefined) throw new Error(`make the pool of ${prefix} larger than ${size}`);
      taken += 1;
      return `${name}@example.com`;
    },
  };
}
