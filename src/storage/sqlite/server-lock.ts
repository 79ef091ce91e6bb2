import { Database } from "bun:sqlite";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type Clock, isoTime, wait } from "../../lib/clock.ts";
import { OperatorError } from "../../lib/errors.ts";
import { isBusy } from "./commit.ts";

/** A server that is being replaced needs up to 8 s to finish what is in flight. */
const patienceMs = 10_000;
const pauseMs = 100;

export type ServerLock = { release(): void };

/**
 * One server to a data folder. An exclusive transaction on a small database beside the main one: the system frees it
 * when the process dies, however it dies, so that there is no stale lock to remove by hand. Waits 10 s for another
 * server to go; then throws OperatorError that says who holds it.
 */
export async function takeServerLock(file: string, clock: Clock): Promise<ServerLock> {
  const database = openLock(file);
  const deadline = clock.monotonic() + patienceMs;
  while (!isFree(database, "BEGIN EXCLUSIVE")) {
    if (clock.monotonic() >= deadline) {
      database.close();
      throw new OperatorError(
        `Another server has this data folder (${describeHolder(file)}): stop it first, or give this one a folder of its own with POSTERN_DATA_DIR.`,
      );
    }
    await wait(clock, pauseMs);
  }
  writeFileSync(holderFile(file), `process ${process.pid}, since ${isoTime(clock.now())}\n`, { mode: 0o600 });
  return {
    release() {
      rmSync(holderFile(file), { force: true });
      database.run("ROLLBACK");
      database.close();
    },
  };
}

/**
 * Whether a server has the data folder now. Asked by reading, so that of two who ask at once neither takes the other
 * for a server.
 */
export function isServerRunning(file: string): boolean {
  if (!existsSync(file)) return false;
  const database = openLock(file);
  try {
    return !isFree(database, "SELECT 1 FROM sqlite_schema");
  } finally {
    database.close();
  }
}

/** Throws OperatorError where the file cannot be opened. */
function openLock(file: string): Database {
  try {
    return new Database(file, { create: true });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new OperatorError(
      `The server's lock ${file} cannot be opened (${reason}): the user who runs this must be able to write the data folder.`,
    );
  }
}

/** Runs the statement unless another process holds the lock that it needs. */
function isFree(database: Database, statement: string): boolean {
  try {
    database.run(statement);
    return true;
  } catch (error) {
    if (isBusy(error)) return false;
    throw error;
  }
}

/** The lock's own file cannot be read while it is locked: who holds it is told by a file beside it. */
function holderFile(file: string): string {
  return `${file}-holder`;
}

function describeHolder(file: string): string {
  try {
    return readFileSync(holderFile(file), "utf8").trim();
  } catch {
    return "it just started";
  }
}
