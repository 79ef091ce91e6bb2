/** Another process that holds the write lock of a SQLite file. */
export type HeldWriteLock = AsyncDisposable & {
  /** Lets go of the lock; resolves when it is free. */
  release(): Promise<void>;
};

const holder = `
  const { Database } = require("bun:sqlite");
  const database = new Database(process.argv[1]);
  database.run("PRAGMA busy_timeout = 10000");
  database.run("BEGIN IMMEDIATE");
  console.log("held");
  await Bun.stdin.text();
  database.run("ROLLBACK");
`;

/** Starts a process that takes the write lock of a database file, and resolves when it has it. */
export async function holdWriteLock(file: string): Promise<HeldWriteLock> {
  const child = Bun.spawn([process.execPath, "-e", holder, file], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const release = async () => {
    await child.stdin.end();
    await child.exited;
  };
  const { value } = await child.stdout.getReader().read();
  if (value === undefined) throw new Error(`the lock of ${file} could not be taken`);
  return { release, [Symbol.asyncDispose]: release };
}
