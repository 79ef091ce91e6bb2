import { binary, cheapHashes } from "./postern.ts";

/** What a command did. */
export type Ran = {
  code: number;
  stdout: string;
  stderr: string;
  /** Standard output as one JSON record. */
  record(): Record<string, unknown>;
  /** Standard output as a JSON array of records. */
  records(): Record<string, unknown>[];
};

export type RunOptions = { input?: string | Uint8Array; settings?: Record<string, string> };

export type Cli = (args: readonly string[], options?: RunOptions) => Promise<Ran>;

/** The commands of the program on one data folder. */
export function cliOn(dataDir: string): Cli {
  return (args, { input = "", settings = {} } = {}) =>
    run(args, { input, settings: { POSTERN_DATA_DIR: dataDir, ...settings } });
}

/** Runs the program to its end. Its environment is what is given here and nothing else. */
export async function run(
  args: readonly string[],
  { input = "", settings = {} }: RunOptions = {},
): Promise<Ran> {
  const child = Bun.spawn([binary, ...args], {
    env: { PATH: process.env["PATH"] ?? "", ...cheapHashes, ...settings },
    stdin: new Blob([input]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [code, stdout, stderr] = await Promise.all([
    child.exited,
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { code, stdout, stderr, record: () => JSON.parse(stdout), records: () => JSON.parse(stdout) };
}

/** Whether a program's word to a person is one line. */
export function isOneLine(text: string): boolean {
  return /^[^\n]+\n$/.test(text);
}
