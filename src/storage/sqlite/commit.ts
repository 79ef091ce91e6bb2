import type { Database } from "bun:sqlite";
import { type Clock, wait } from "../../lib/clock.ts";
import { ApiError } from "../../lib/errors.ts";

/** One write that waits for the next commit. */
type Job = {
  /** Does the work and returns how to tell its caller, for after the commit. */
  run(): () => void;
  reject(error: unknown): void;
  /** By `clock.monotonic()`: when it has waited long enough for another process. */
  deadline: number;
};

export type GroupCommit = {
  /**
   * Runs `job` in the next write transaction and resolves once that is durable. A job that throws is undone alone and
   * rejects alone; the others of its group are committed. `job` must be synchronous: an async one would commit before
   * it is done.
   */
  write<T>(job: () => T): Promise<T>;
  /** Resolves when everything that was asked so far is committed. */
  settled(): Promise<void>;
};

/** More would lengthen the pause of the event loop, and gain nothing: at 256 the sync is already a small part. */
const largestGroup = 256;

/**
 * How long a write waits for another process that holds the write lock, before it is refused: 5 s, as logins wait for
 * a hash. In pauses, since SQLite's own waiting would block the event loop.
 */
const busyLimitMs = 5_000;
const busyPauseMs = 5;

/**
 * Group commit: writes that arrive in one turn of the event loop share one transaction and so one sync to the disk.
 * Measured with `synchronous=FULL`: 8 thousand commits a second alone, 62 thousand with 32 callers; one caller loses
 * nothing.
 */
export function makeGroupCommit(database: Database, clock: Clock): GroupCommit {
  const begin = database.prepare("BEGIN IMMEDIATE");
  const commit = database.prepare("COMMIT");
  const savepoint = database.prepare("SAVEPOINT job");
  const release = database.prepare("RELEASE job");
  const rollbackJob = database.prepare("ROLLBACK TO job");
  let queue: Job[] = [];
  let running: Promise<void> | undefined;

  function runJob(job: Job): () => void {
    savepoint.run();
    try {
      const tell = job.run();
      release.run();
      return tell;
    } catch (error) {
      // A full disk or an I/O error ends the whole transaction by itself: then there is no savepoint left to return to.
      if (!database.inTransaction) throw error;
      rollbackJob.run();
      release.run();
      return () => job.reject(error);
    }
  }

  function runGroup(group: Job[]): void {
    begin.run();
    let answers: (() => void)[];
    try {
      answers = group.map(runJob);
      commit.run();
    } catch (error) {
      if (database.inTransaction) database.run("ROLLBACK");
      throw error;
    }
    // Only now is anybody told: an answer before the commit would promise what a crash can take back.
    for (const answer of answers) answer();
  }

  /** Answers those who waited too long for another process. All wait equally long, so that the oldest come first. */
  function refuseOverdue(): void {
    while (queue[0] !== undefined && queue[0].deadline <= clock.monotonic()) {
      queue.shift()?.reject(new ApiError("SERVER_BUSY", undefined, { retryAfterSeconds: 1 }));
    }
  }

  async function drain(): Promise<void> {
    while (queue.length > 0) {
      // What arrives in this turn of the event loop joins the group; and a long queue lets others run between its
      // groups.
      await new Promise<void>((resolve) => setImmediate(resolve));
      const group = queue.slice(0, largestGroup);
      try {
        runGroup(group);
        queue = queue.slice(group.length);
      } catch (error) {
        if (isBusy(error)) {
          refuseOverdue();
          await wait(clock, busyPauseMs);
        } else {
          queue = queue.slice(group.length);
          for (const job of group) job.reject(error);
        }
      }
    }
    running = undefined;
  }

  return {
    write<T>(run: () => T): Promise<T> {
      return new Promise<T>((resolve, reject) => {
        queue.push({
          run() {
            const value = run();
            return () => resolve(value);
          },
          reject,
          deadline: clock.monotonic() + busyLimitMs,
        });
        running ??= drain();
      });
    },
    async settled() {
      while (running !== undefined) await running;
    },
  };
}

/** Whether another connection holds the lock that this statement needed. */
export function isBusy(error: unknown): boolean {
  const code = sqliteCode(error);
  return (
    code === "SQLITE_BUSY" ||
    code === "SQLITE_BUSY_SNAPSHOT" ||
    code === "SQLITE_BUSY_RECOVERY" ||
    code === "SQLITE_LOCKED"
  );
}

/** Whether a row with this key exists already. */
export function isUniqueViolation(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === "SQLITE_CONSTRAINT_UNIQUE" || code === "SQLITE_CONSTRAINT_PRIMARYKEY";
}

/** The name of SQLite's error, whether it comes bare or wrapped by Drizzle. */
function sqliteCode(error: unknown): string | undefined {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if ("code" in at && typeof at.code === "string" && at.code.startsWith("SQLITE_")) return at.code;
  }
  return undefined;
}
