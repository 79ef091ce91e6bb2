import { Database, SQLiteError } from "bun:sqlite";
import { type BunSQLiteDatabase, drizzle } from "drizzle-orm/bun-sqlite";
import { type Clock, type Timer, wait } from "../../lib/clock.ts";
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
 * commit waits longer by pauses of its own. A command has no event loop to keep free and waits as long as a person
 * would.
 */
const serverBusyTimeoutMs = 5;
const commandBusyTimeoutMs = 10_000;

/**
 * How long a command waits for a server that is just starting, and so migrating, before it takes it for an older one.
 */
const migrationPatienceMs = 3_000;
const migrationPauseMs = 50;

/**
 * The write-ahead log is copied into the database at this length (4 KiB pages), and cut back to it. At SQLite's own
 * 1,000, pages that every login touches were copied four times as often, for a tenth of a login's time in storage.
 */
const journalPages = 4_096;
const journalSizeLimitBytes = journalPages * 4_096;

/** How long after a write the log is checkpointed: long enough that a busy server does it by its size instead. */
const checkpointDelayMs = 5_000;

/** How often commits of other processes are looked for: `PRAGMA data_version` costs about 2 µs. */
const foreignCommitIntervalMs = 250;

export type OpenOptions = {
  file: string;
  clock: Clock;
  role: "server" | "command";
  /** Whether the database may be migrated now: not under the feet of a server of an older version. */
  mayMigrate(): boolean;
};

/**
 * Opens the database file, made and migrated where needed. Throws OperatorError when it cannot be opened or written,
 * is newer than this program, or may not be migrated now.
 */
export async function openConnection(options: OpenOptions): Promise<Connection> {
  const { clock, role } = options;
  const raw = await openMigrated(options);
  const commit = makeGroupCommit(raw, clock);
  const touched = new Set<string>();
  const deliveryListeners: ((webhookIds: string[]) => void)[] = [];
  const watch = watchForeignCommits(raw, clock);
  const checkpoints = checkpointAfterWrites(raw, clock);
  return {
    raw,
    db: drizzle(raw, { schema }),
    async write(job) {
      const value = await commit.write(job);
      if (role === "server") checkpoints.wrote();
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
      checkpoints.stop();
      await commit.settled();
      try {
        // A command leaves the log to the server beside it, which it would hold up.
        raw.run(`PRAGMA wal_checkpoint(${role === "server" ? "TRUNCATE" : "PASSIVE"})`);
      } finally {
        raw.close();
      }
    },
  };
}

async function openMigrated({ file, clock, role, mayMigrate }: OpenOptions): Promise<Database> {
  let raw: Database | undefined;
  try {
    raw = new Database(file, { create: true, strict: true });
    setUp(raw);
    await awaitMigration(raw, clock, mayMigrate);
    migrate(raw, migrations, clock);
    raw.run("PRAGMA foreign_keys = ON");
    if (role === "server") raw.run(`PRAGMA busy_timeout = ${serverBusyTimeoutMs}`);
    return raw;
  } catch (error) {
    raw?.close();
    if (!(error instanceof SQLiteError)) throw error;
    throw new OperatorError(
      `The database ${file} cannot be opened (${error.message}): it must be a file of Postern, in a folder that the user who runs this may write, on a disk with room.`,
    );
  }
}

function setUp(raw: Database): void {
  // Before anything else: switching to WAL needs a lock that a process starting at the same moment may hold.
  raw.run(`PRAGMA busy_timeout = ${commandBusyTimeoutMs}`);
  // Before WAL, or it does nothing.
  raw.run("PRAGMA auto_vacuum = INCREMENTAL");
  raw.run("PRAGMA journal_mode = WAL");
  // Every commit is on the disk before anybody is answered: NORMAL would lose the last ones with the power.
  raw.run("PRAGMA synchronous = FULL");
  raw.run(`PRAGMA wal_autocheckpoint = ${journalPages}`);
  raw.run(`PRAGMA journal_size_limit = ${journalSizeLimitBytes}`);
  // What a job may have to undo is kept in memory: as a file it was made anew by every commit, for a fifth of its time.
  raw.run("PRAGMA temp_store = MEMORY");
  raw.run("PRAGMA trusted_schema = OFF");
}

/** Where a server has the database, migrating is its business: one that is just starting is given the time for it. */
async function awaitMigration(raw: Database, clock: Clock, mayMigrate: () => boolean): Promise<void> {
  const deadline = clock.monotonic() + migrationPatienceMs;
  while (pendingMigrations(raw, migrations) > 0 && !mayMigrate()) {
    if (clock.monotonic() >= deadline) {
      throw new OperatorError(
        "The database must be migrated for this version, and a server of an older one is running on it: restart the server with this version first.",
      );
    }
    await wait(clock, migrationPauseMs);
  }
}

/**
 * SQLite checkpoints by itself when the log has grown to its bound, in somebody's commit. This does it soon after the
 * writes of a quiet server, so that its log does not lie around for days and a start after a crash has little to
 * read.
 */
function checkpointAfterWrites(raw: Database, clock: Clock) {
  let timer: Timer | undefined;
  const checkpoint = () => {
    timer = undefined;
    try {
      raw.run("PRAGMA wal_checkpoint(PASSIVE)");
    } catch {
      // Another process is writing: the next write sets the next try.
    }
  };
  return {
    wrote() {
      timer ??= clock.after(checkpointDelayMs, checkpoint);
    },
    stop: () => timer?.cancel(),
  };
}

/** Looks for commits of other processes as soon as somebody wants to know of them. */
function watchForeignCommits(raw: Database, clock: Clock) {
  const version = raw.prepare<{ data_version: number }, []>("PRAGMA data_version");
  const listeners: (() => void)[] = [];
  let known: number | undefined;
  let timer: Timer | undefined;
  /**
   * What cannot be read this time is taken for unchanged: a timer must not end the server, and whoever needs the
   * database will tell.
   */
  const read = () => {
    try {
      return version.get()?.data_version;
    } catch {
      return known;
    }
  };
  const look = () => {
    timer = clock.after(foreignCommitIntervalMs, look);
    const now = read();
    if (known !== undefined && now !== known) for (const listener of listeners) listener();
    known = now;
  };
  return {
    add(listener: () => void) {
      listeners.push(listener);
      if (timer === undefined) look();
    },
    stop: () => timer?.cancel(),
  };
}
