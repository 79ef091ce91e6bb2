import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Static, Type } from "typebox";
import { Value } from "typebox/value";
import { systemClock } from "../../src/lib/clock.ts";
import { isBusy } from "../../src/storage/sqlite/commit.ts";
import { type Migration, migrate, pendingMigrations } from "../../src/storage/sqlite/migrate.ts";
import { migrations } from "../../src/storage/sqlite/migrations.ts";
import { binary, temporaryFolder } from "../support/postern.ts";

const breakpoint = "--> statement-breakpoint\n";

const begin: Migration = {
  name: "0000_begin",
  sql: [
    "CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT NOT NULL);",
    "CREATE TABLE children (id INTEGER PRIMARY KEY, parent INTEGER NOT NULL REFERENCES parents(id) ON DELETE CASCADE);",
    "INSERT INTO parents VALUES (1, 'Ada'), (2, 'Grace');",
    "INSERT INTO children VALUES (10, 1), (11, 1), (12, 2);",
  ].join(breakpoint),
};

/** What drizzle-kit writes where a column changes: the table is made anew, and the old one is dropped. */
const rebuild: Migration = {
  name: "0001_rebuild",
  sql: [
    "PRAGMA foreign_keys=OFF;",
    "CREATE TABLE `__new_parents` (`id` integer PRIMARY KEY NOT NULL, `name` text NOT NULL, `title` text);",
    'INSERT INTO `__new_parents`("id", "name") SELECT "id", "name" FROM `parents`;',
    "DROP TABLE `parents`;",
    "ALTER TABLE `__new_parents` RENAME TO `parents`;",
    "PRAGMA foreign_keys=ON;",
  ].join(breakpoint),
};

let folder: string;
let database: Database;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "postern-migrations-"));
  database = open();
});

afterEach(() => {
  database.close();
  rmSync(folder, { recursive: true });
});

function open(): Database {
  const opened = new Database(join(folder, "test.db"), { create: true, strict: true });
  opened.run("PRAGMA busy_timeout = 10000");
  opened.run("PRAGMA journal_mode = WAL");
  opened.run("PRAGMA foreign_keys = ON");
  return opened;
}

const apply = (...wanted: Migration[]) => migrate(database, wanted, systemClock);
const rows = (query: string) => database.query(query).values();
const applied = () => rows("SELECT name FROM migrations ORDER BY position").flat();

describe("the migrations in the program", () => {
  const journal = Type.Object({
    entries: Type.Array(Type.Object({ idx: Type.Integer(), tag: Type.String() })),
  });
  const drizzle = join(import.meta.dir, "../../drizzle");

  test("are those that drizzle-kit wrote, in its order and word for word", () => {
    const { entries }: Static<typeof journal> = Value.Parse(
      journal,
      JSON.parse(readFileSync(join(drizzle, "meta/_journal.json"), "utf8")),
    );
    expect(migrations.map(({ name }) => name)).toEqual(
      entries.toSorted((left, right) => left.idx - right.idx).map(({ tag }) => tag),
    );
    for (const { name, sql } of migrations) {
      expect(sql).toBe(readFileSync(join(drizzle, `${name}.sql`), "utf8"));
    }
  });

  test("make a database in which every reference has a table", () => {
    apply(...migrations);
    expect(rows("PRAGMA foreign_key_check")).toEqual([]);
    expect(pendingMigrations(database, migrations)).toBe(0);
  });
});

describe("migrating", () => {
  test("applies what is missing, once", () => {
    apply(begin);
    expect(pendingMigrations(database, [begin, rebuild])).toBe(1);
    apply(begin, rebuild);
    apply(begin, rebuild);
    expect(applied()).toEqual(["0000_begin", "0001_rebuild"]);
  });

  test("keeps the rows that refer to a rebuilt table, and minds references afterwards", () => {
    apply(begin);
    apply(begin, rebuild);
    expect(rows("SELECT id, name, title FROM parents")).toEqual([
      [1, "Ada", null],
      [2, "Grace", null],
    ]);
    expect(rows("SELECT id, parent FROM children")).toEqual([
      [10, 1],
      [11, 1],
      [12, 2],
    ]);
    expect(() => database.run("INSERT INTO children VALUES (13, 3)")).toThrow("FOREIGN KEY");
    database.run("DELETE FROM parents WHERE id = 1");
    expect(rows("SELECT id FROM children")).toEqual([[12]]);
  });

  for (const [what, failing, message] of [
    [
      "that would break references",
      ["CREATE TABLE added (id);", "DELETE FROM parents WHERE id = 1;"],
      "The migration 0001_failing would leave 2 rows without the record they refer to: nothing was changed.",
    ],
    [
      "whose last statement fails",
      ["CREATE TABLE added (id);", "DELETE FROM missing;"],
      "no such table: missing",
    ],
  ] as const) {
    test(`undoes a migration ${what}, and minds references afterwards`, () => {
      apply(begin);
      expect(() => apply(begin, { name: "0001_failing", sql: failing.join(breakpoint) })).toThrow(message);
      expect(applied()).toEqual(["0000_begin"]);
      expect(rows("SELECT count(*) FROM parents")).toEqual([[2]]);
      expect(rows("SELECT name FROM sqlite_schema WHERE name = 'added'")).toEqual([]);
      expect(rows("PRAGMA foreign_keys")).toEqual([[1]]);
    });
  }

  test("refuses a database that a newer version made, and leaves it alone", () => {
    apply(begin, rebuild);
    const message =
      "The database was made by a newer version of Postern (it has the migration 0001_rebuild): install that version or a newer one.";
    expect(() => apply(begin)).toThrow(message);
    expect(() => pendingMigrations(database, [begin])).toThrow(message);
    expect(applied()).toEqual(["0000_begin", "0001_rebuild"]);
  });

  test("refuses a database that other statements of the same name made", () => {
    apply(begin);
    const other = { name: begin.name, sql: `${begin.sql}\nSELECT 1;` };
    expect(() => apply(other, rebuild)).toThrow("was migrated by a different build of Postern");
    expect(applied()).toEqual(["0000_begin"]);
  });

  test("refuses a database that lacks a migration which came to the program before those it has", () => {
    apply(begin, rebuild);
    const mergedLate = { name: "0001_merged_late", sql: "CREATE TABLE late (id);" };
    expect(() => apply(begin, mergedLate, rebuild)).toThrow(
      "its migration 0001_rebuild is not this program's 0001_merged_late",
    );
  });

  test("that was killed in the middle leaves the database as it was before, ready for the next start", async () => {
    const slow: Migration = {
      name: "0001_slow",
      sql: [
        "CREATE TABLE numbers (n INTEGER);",
        "INSERT INTO numbers WITH RECURSIVE up(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM up WHERE n < 2000000) SELECT n FROM up;",
        "DELETE FROM children;",
      ].join(breakpoint),
    };
    const child = Bun.spawn([process.execPath, "-e", migrateElsewhere, JSON.stringify([begin, slow])], {
      cwd: folder,
      stdout: "ignore",
      stderr: "inherit",
    });
    await inTheMiddleOf(child);
    child.kill("SIGKILL");
    await child.exited;
    expect(child.signalCode).toBe("SIGKILL");

    expect(applied()).toEqual(["0000_begin"]);
    expect(rows("SELECT name FROM sqlite_schema WHERE name = 'numbers'")).toEqual([]);
    expect(rows("SELECT count(*) FROM children")).toEqual([[3]]);
    expect(rows("PRAGMA integrity_check")).toEqual([["ok"]]);
    apply(begin, rebuild);
    expect(applied()).toEqual(["0000_begin", "0001_rebuild"]);
  });
});

const migrateElsewhere = `
  const { Database } = require("bun:sqlite");
  const { migrate } = require(${JSON.stringify(join(import.meta.dir, "../../src/storage/sqlite/migrate.ts"))});
  const database = new Database("test.db");
  database.run("PRAGMA busy_timeout = 10000");
  migrate(database, JSON.parse(process.argv[1]), { now: () => 0 });
`;

/** Waits until the process has applied its first migration and holds the write lock for the second. */
async function inTheMiddleOf(child: { exitCode: number | null }): Promise<void> {
  database.run("PRAGMA busy_timeout = 0");
  while (child.exitCode === null) {
    const first = rows("SELECT count(*) FROM sqlite_schema WHERE name = 'children'").flat()[0] === 1;
    if (first && isWriteLocked()) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error("the other process was done before it could be killed");
}

function isWriteLocked(): boolean {
  try {
    database.run("BEGIN IMMEDIATE");
    database.run("ROLLBACK");
    return false;
  } catch (error) {
    if (isBusy(error)) return true;
    throw error;
  }
}

describe("an empty data folder", () => {
  test("is made usable by one of six commands that start at once, and all six do their work in it", async () => {
    const dataDir = temporaryFolder();
    const aliases = Array.from({ length: 6 }, (_, index) => `account-${index}`);
    const outcomes = await Promise.all(
      aliases.map((alias) => run(dataDir, "account", "create", "--alias", alias, "--company", "Acme")),
    );
    expect(outcomes.map(({ code, refused }) => `${code} ${refused}`)).toEqual(outcomes.map(() => "0 "));
    const { said } = await run(dataDir, "account", "list", "--json");
    const listed = Value.Parse(Type.Array(Type.Object({ alias: Type.String() })), JSON.parse(said));
    expect(listed.map(({ alias }) => alias).toSorted()).toEqual(aliases);
  });
});

async function run(dataDir: string, ...args: string[]) {
  const child = Bun.spawn([binary, ...args, "--data-dir", dataDir], {
    env: {},
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [said, refused] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { code: await child.exited, said, refused };
}
