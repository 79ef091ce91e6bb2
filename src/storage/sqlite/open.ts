import { Database } from "bun:sqlite";
import { type BunSQLiteDatabase, drizzle } from "drizzle-orm/bun-sqlite";
import type { Clock, Timer } from "../../lib/clock.ts";
import { OperatorError } from "../../lib/errors.ts";
import { type GroupCommit, makeGroupCommit } from "./commit.ts";
import { migrate, pendingMigrations } from "./migrate.ts";
import { migrations } from "./migrations.ts";
import * as schema from "./schema.ts";

/** What the answers in this folder work with: one connection, its Drizzle face, and the way to write. */
export type Connection = {
  raw: Database;
  db: BunSQLiteDatabase<typeof schema>;
  write: GroupCommit["write"];
  /** A job that adds deliveries names their webhooks here: whoever listens is told after the commit, never before. */
  announce(webhookIds: Iterable<string>): void;
  onDeliveries(listener: (webhookIds: string[]) => void): void;
  /** Tells of commits by other processes, noticed within 250 ms. */
  onForeignCommit(listener: () => void): void;
  /** Commits what waits, checkpoints the write-ahead log and closes the file. */
  close(): Promise<void>;
};

/**
 * How long a statement waits for another process inside SQLite, which blocks the event loop: short, since the group
 * commit waits longer by pauses of its own. A command has no event loop to keep free and waits as long as a person would.
 */
const serverBusyTimeoutMs = 20;
const commandBusyTimeoutMs = 10_000;

/** The write-ahead log is cut back to this after a checkpoint: 16 MiB holds some seconds of the heaviest load. */
const journalSizeLimitBytes = 16 * 1024 * 1024;

/** How often commits of other processes are looked for: `PRAGMA data_version` costs about 2 µs. */
const foreignCommitIntervalMs = 250;

export type OpenOptions = {
  file: string;
  clock: Clock;
  role: "server" | "command";
  /** Whether the database may be migrated now: not under the feet of a server of an older version. */
  mayMigrate(): boolean;
};

/** Opens the database file, made and migrated where needed. Throws OperatorError when it is newer than this program, or may not be migrated now. */
export function openConnection({ file, clock, role, mayMigrate }: OpenOptions): Connection {
  const raw = new Database(file, { create: true, strict: true });
  // Before anything else: switching to WAL needs a lock that a process starting at the same moment may hold.
  raw.run(`PRAGMA busy_timeout = ${commandBusyTimeoutMs}`);
  // Before WAL, or it does nothing.
  raw.run("PRAGMA auto_vacuum = INCREMENTAL");
  raw.run("PRAGMA journal_mode = WAL");
  // Every commit is on the disk before anybody is answered: NORMAL would lose the last ones with the power.
  raw.run("PRAGMA synchronous = FULL");
  raw.run(`PRAGMA journal_size_limit = ${journalSizeLimitBytes}`);
  raw.run("PRAGMA trusted_schema = OFF");
  if (pendingMigrations(raw, migrations) > 0 && !mayMigrate()) {
    raw.close();
    throw new OperatorError(
      "The database must be migrated for this version, and a server of an older one is running on it: restart the server with this version first.",
    );
  }
  migrate(raw, migrations, clock);
  raw.run("PRAGMA foreign_keys = ON");
  if (role === "server") raw.run(`PRAGMA busy_timeout = ${serverBusyTimeoutMs}`);

  const commit = makeGroupCommit(raw, clock);
  const touched = new Set<string>();
  const deliveryListeners: ((webhookIds: string[]) => void)[] = [];
  const watch = watchForeignCommits(raw, clock);
  return {
    raw,
    db: drizzle(raw, { schema }),
    async write(job) {
      const value = await commit.write(job);
      if (touched.size > 0) {
        const webhookIds = [...touched];
        touched.clear();
        for (const listener of deliveryListeners) listener(webhookIds);
      }
      return value;
    },
    announce(webhookIds) {
      for (const id of webhookIds) touched.add(id);
    },
    onDeliveries: (listener) => deliveryListeners.push(listener),
    onForeignCommit: (listener) => watch.add(listener),
    async close() {
      watch.stop();
      await commit.settled();
      raw.run("PRAGMA wal_checkpoint(TRUNCATE)");
      raw.close();
    },
  };
}

/** Looks for commits of other processes as soon as somebody wants to know of them. */
function watchForeignCommits(raw: Database, clock: Clock) {
  const version = raw.prepare<{ data_version: number }, []>("PRAGMA data_version");
  const listeners: (() => void)[] = [];
  let known: number | undefined;
  let timer: Timer | undefined;
  const look = () => {
    const now = version.get()?.data_version;
    if (known !== undefined && now !== known) for (const listener of listeners) listener();
    known = now;
    timer = clock.after(foreignCommitIntervalMs, look);
  };
  return {
    add(listener: () => void) {
      listeners.push(listener);
      if (timer === undefined) look();
    },
    stop: () => timer?.cancel(),
  };
}
