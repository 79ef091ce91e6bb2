import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clock, systemClock } from "../../src/lib/clock.ts";
import { type GroupCommit, makeGroupCommit } from "../../src/storage/sqlite/commit.ts";
import { openConnection } from "../../src/storage/sqlite/open.ts";
import { fakeClock } from "../support/fake-clock.ts";
import { holdWriteLock } from "../support/write-lock.ts";

let folder: string;
let database: Database;
/** Sees what another process sees: what is committed. */
let observer: Database;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "postern-commit-"));
  database = open();
  database.run("CREATE TABLE parents (id INTEGER PRIMARY KEY)");
  database.run(
    "CREATE TABLE rows (value TEXT UNIQUE, parent INTEGER REFERENCES parents DEFERRABLE INITIALLY DEFERRED)",
  );
  observer = open();
});

afterEach(() => {
  observer.close();
  database.close();
  rmSync(folder, { recursive: true });
});

function open(): Database {
  const opened = new Database(join(folder, "test.db"), { create: true, strict: true });
  opened.run("PRAGMA journal_mode = WAL");
  opened.run("PRAGMA synchronous = FULL");
  opened.run("PRAGMA foreign_keys = ON");
  return opened;
}

function groupCommit(clock: Clock = systemClock): GroupCommit {
  return makeGroupCommit(database, clock);
}

const insert = (value: string) => () => database.run("INSERT INTO rows (value) VALUES (?)", [value]);

const committed = () =>
  observer
    .query<{ value: string }, []>("SELECT value FROM rows ORDER BY rowid")
    .all()
    .map(({ value }) => value);

const codeOf = (outcome: PromiseSettledResult<unknown>) =>
  outcome.status === "fulfilled" ? "committed" : (outcome.reason.code ?? outcome.reason.message);

const named = (count: number) => Array.from({ length: count }, (_, index) => `row ${index}`);

describe("group commit", () => {
  test("commits writes that arrive together as one, and tells each only then", async () => {
    const commit = groupCommit();
    const values = named(100);
    const walBefore = walFrames();
    const seenWhenTold = await Promise.all(
      values.map(async (value) => {
        await commit.write(insert(value));
        return committed().length;
      }),
    );
    expect(seenWhenTold).toEqual(values.map(() => 100));
    // Alone, each would have written its own copy of the page into the log.
    expect(walFrames() - walBefore).toBeLessThan(10);
  });

  test("returns to each what its job returned, in the order in which they came", async () => {
    const commit = groupCommit();
    const order: number[] = [];
    const jobs = [1, 2, 3].map((number) =>
      commit.write(() => {
        order.push(number);
        return number * 10;
      }),
    );
    expect(await Promise.all(jobs)).toEqual([10, 20, 30]);
    expect(order).toEqual([1, 2, 3]);
  });

  test("undoes a failing job alone; the others of its group are committed", async () => {
    const commit = groupCommit();
    const outcomes = await Promise.allSettled([
      commit.write(insert("before")),
      commit.write(() => {
        insert("half of a failing job")();
        throw new Error("this job failed");
      }),
      commit.write(insert("before")),
      commit.write(insert("after")),
    ]);
    expect(outcomes.map(codeOf)).toEqual([
      "committed",
      "this job failed",
      "SQLITE_CONSTRAINT_UNIQUE",
      "committed",
    ]);
    expect(committed()).toEqual(["before", "after"]);
  });

  test("lets the event loop run between the groups of a long queue", async () => {
    const commit = groupCommit();
    const values = named(1_500);
    const writes = Promise.all(values.map((value) => commit.write(insert(value))));
    const seen = new Set<number>();
    let done = false;
    void writes.then(() => {
      done = true;
    });
    while (!done) {
      seen.add(committed().length);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(seen.size).toBeGreaterThan(4);
    expect(committed()).toEqual(values);
  });

  test("settles when everything that was asked is committed", async () => {
    const commit = groupCommit();
    await commit.settled();
    for (const value of named(600)) void commit.write(insert(value));
    await commit.settled();
    expect(committed()).toHaveLength(600);
  });
});

describe("group commit, when the commit itself fails,", () => {
  const stillWorks = async (commit: GroupCommit) => {
    await commit.write(insert("afterwards"));
    expect(committed()).toEqual(["afterwards"]);
  };

  test("refuses the whole group, and commits the next one", async () => {
    const commit = groupCommit();
    const outcomes = await Promise.allSettled([
      commit.write(insert("innocent")),
      // Refers to nothing: noticed by COMMIT only.
      commit.write(() => database.run("INSERT INTO rows (value, parent) VALUES ('orphan', 1)")),
    ]);
    expect(outcomes.map(codeOf)).toEqual(outcomes.map(() => "SQLITE_CONSTRAINT_FOREIGNKEY"));
    expect(committed()).toEqual([]);
    await stillWorks(commit);
  });

  test("or an error ends the transaction under it, refuses the whole group, and commits the next one", async () => {
    const commit = groupCommit();
    const outcomes = await Promise.allSettled([
      commit.write(insert("twice")),
      commit.write(() => database.run("INSERT OR ROLLBACK INTO rows (value) VALUES ('twice')")),
      commit.write(insert("innocent")),
    ]);
    expect(outcomes.map(codeOf)).toEqual(outcomes.map(() => "SQLITE_CONSTRAINT_UNIQUE"));
    expect(committed()).toEqual([]);
    await stillWorks(commit);
  });

  test("or the disk is full, tells nobody that is not on it, and goes on once there is room", async () => {
    const commit = groupCommit();
    const pages = database.query<{ page_count: number }, []>("PRAGMA page_count").get()?.page_count ?? 0;
    database.run(`PRAGMA max_page_count = ${pages}`);
    const outcomes = await Promise.allSettled([
      commit.write(insert("small")),
      commit.write(insert("large".repeat(100_000))),
      commit.write(insert("small too")),
    ]);
    expect(outcomes.map(codeOf)).toContain("SQLITE_FULL");
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(committed().length);

    database.run(`PRAGMA max_page_count = ${pages + 1_000}`);
    await commit.write(insert("large".repeat(10_000)));
    expect(committed().at(-1)).toStartWith("large");
  });
});

describe("group commit, while another process writes,", () => {
  test("waits for it without holding up the event loop of a server", async () => {
    const file = join(folder, "server.db");
    const connection = await openConnection({
      file,
      clock: systemClock,
      role: "server",
      mayMigrate: () => true,
    });
    await using lock = await holdWriteLock(file);
    const write = connection.write(() => connection.raw.run("CREATE TABLE written (id)"));
    let longestPause = 0;
    let before = systemClock.monotonic();
    for (let tick = 0; tick < 100; tick += 1) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      longestPause = Math.max(longestPause, systemClock.monotonic() - before);
      before = systemClock.monotonic();
    }
    expect(Bun.peek.status(write)).toBe("pending");
    // Waiting inside SQLite, as commands do, would be one long pause.
    expect(longestPause).toBeLessThan(250);
    await lock.release();
    await write;
    await connection.close();
  });

  test("refuses each write as SERVER_BUSY after it waited for 5 s, and no later one with it", async () => {
    const clock = fakeClock();
    const commit = groupCommit(clock);
    await using lock = await holdWriteLock(join(folder, "test.db"));
    const write = (value: string) => {
      const outcome = Promise.allSettled([commit.write(insert(value))]);
      return { outcome, isPending: () => Bun.peek.status(outcome) === "pending" };
    };
    const first = write("first");
    await clock.advance(3_000);
    const second = write("second");
    await clock.advance(1_999);
    expect(first.isPending()).toBe(true);
    await clock.advance(10);
    expect((await first.outcome).map(codeOf)).toEqual(["SERVER_BUSY"]);
    expect(await first.outcome).toMatchObject([{ reason: { details: { retryAfterSeconds: 1 } } }]);

    const third = write("third");
    await clock.advance(2_990);
    expect(second.isPending()).toBe(true);
    await clock.advance(10);
    expect((await second.outcome).map(codeOf)).toEqual(["SERVER_BUSY"]);

    await lock.release();
    await clock.advance(10);
    expect((await third.outcome).map(codeOf)).toEqual(["committed"]);
    expect(committed()).toEqual(["third"]);
  });
});

/** Pages in the write-ahead log: a header of 32 bytes, then a page and 24 bytes each. */
function walFrames(): number {
  return Math.floor((statSync(join(folder, "test.db-wal")).size - 32) / (4_096 + 24));
}
