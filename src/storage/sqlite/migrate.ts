import type { Database } from "bun:sqlite";
import type { Clock } from "../../lib/clock.ts";
import { OperatorError } from "../../lib/errors.ts";
import { sha256Hex } from "../../lib/secrets.ts";

export type Migration = { name: string; sql: string };

type Applied = { position: number; name: string; hash: string };

/**
 * Brings the database to the newest of `migrations`, each in one transaction of its own.
 *
 * A runner of our own, because Drizzle's loses rows and races: a rebuilt table's `PRAGMA foreign_keys=OFF` does
 * nothing inside a transaction, so that its DROP TABLE cascades; two processes starting at once both apply; a newer
 * database is accepted. Throws OperatorError when the database is newer than this program or was migrated by other
 * statements.
 */
export function migrate(database: Database, migrations: readonly Migration[], clock: Clock): void {
  makeMigrationsTable(database);
  database.run("PRAGMA foreign_keys = OFF");
  try {
    for (;;) {
      if (!applyNext(database, migrations, clock)) return;
    }
  } finally {
    database.run("PRAGMA foreign_keys = ON");
  }
}

/** How many of `migrations` the database still lacks. Throws as `migrate` does. */
export function pendingMigrations(database: Database, migrations: readonly Migration[]): number {
  makeMigrationsTable(database);
  return migrations.length - countApplied(database, migrations);
}

function makeMigrationsTable(database: Database): void {
  database.run(`CREATE TABLE IF NOT EXISTS migrations (
    position INTEGER PRIMARY KEY, name TEXT NOT NULL, hash TEXT NOT NULL, applied_at INTEGER NOT NULL
  ) STRICT`);
}

/** Applies the first migration that is missing; false when there is none. */
function applyNext(database: Database, migrations: readonly Migration[], clock: Clock): boolean {
  // Reading the state inside the write transaction makes several starting processes take turns.
  database.run("BEGIN IMMEDIATE");
  try {
    const position = countApplied(database, migrations);
    const next = migrations[position];
    if (next !== undefined) {
      for (const statement of next.sql.split("--> statement-breakpoint")) {
        if (statement.trim() !== "") database.run(statement);
      }
      refuseBrokenReferences(database, next);
      database
        .prepare("INSERT INTO migrations (position, name, hash, applied_at) VALUES (?, ?, ?, ?)")
        .run(position, next.name, sha256Hex(next.sql), clock.now());
    }
    database.run("COMMIT");
    return next !== undefined;
  } catch (error) {
    if (database.inTransaction) database.run("ROLLBACK");
    throw error;
  }
}

function countApplied(database: Database, migrations: readonly Migration[]): number {
  const applied = database
    .prepare<Applied, []>("SELECT position, name, hash FROM migrations ORDER BY position")
    .all();
  for (const [position, { name, hash }] of applied.entries()) {
    const known = migrations[position];
    if (known === undefined) {
      throw new OperatorError(
        `The database was made by a newer version of Postern (it has the migration ${name}): install that version or a newer one.`,
      );
    }
    if (known.name !== name || sha256Hex(known.sql) !== hash) {
      throw new OperatorError(
        `The database was migrated by a different build of Postern (its migration ${name} is not this program's ${known.name}): use the build that made it.`,
      );
    }
  }
  return applied.length;
}

function refuseBrokenReferences(database: Database, migration: Migration): void {
  const broken = database.prepare("PRAGMA foreign_key_check").all();
  if (broken.length > 0) {
    throw new OperatorError(
      `The migration ${migration.name} would leave ${broken.length} rows without the record they refer to: nothing was changed.`,
    );
  }
}
