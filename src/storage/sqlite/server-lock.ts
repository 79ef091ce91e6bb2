import { Database } from "bun:sqlite";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { type Clock, isoTime, wait } from "../../lib/clock.ts";
import { OperatorError } from "../../lib/errors.ts";
import { isBusy } from "./commit.ts";

/** A server that is being replaced needs up to 8 s to finish what is in flight. */
const patienceMs = 10_000;
const pauseMs = 100;

export type ServerLock = { release(): void };

/**
 * One server to a data folder. An exclusive transaction on a small database beside the main one: the system frees it when the process dies,
 * however it dies, so that there is no stale lock to remove by hand. Waits 10 s for another server to go; then throws OperatorError that says who holds it.
 */
export async function takeServerLock(file: string, clock: Clock): Promise<ServerLock> {
  const database = new Database(file, { create: true });
  const deadline = clock.monotonic() + patienceMs;
  while (!tryLock(database)) {
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

/** Whether a server has the data folder now. */
export function isServerRunning(file: string): boolean {
  const database = new Database(file, { create: true });
  try {
    const free = tryLock(database);
    if (free) database.run("ROLLBACK");
    return !free;
  } finally {
    database.close();
  }
}

function tryLock(database: Database): boolean {
  try {
    database.run("BEGIN EXCLUSIVE");
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
