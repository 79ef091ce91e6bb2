import { eq, sql } from "drizzle-orm";
import {
  expiryOf,
  type FailureRecord,
  mergedFailures,
  noFailures,
  withoutSecondFactorFailures,
} from "../../features/login/lockout.ts";
import type { Connection } from "./open.ts";
import { loginFailures } from "./schema.ts";

export type LoginFailureTable = {
  read(identity: Uint8Array): FailureRecord;
  write(
    identity: Uint8Array,
    record: FailureRecord,
    about: { known: boolean; expiresAt: number | null; now: number },
  ): void;
  clear(identity: Uint8Array): void;
  /** Gives what is remembered of one identity to another, which it becomes. */
  move(from: Uint8Array, to: Uint8Array, now: number): void;
  /** Forgets the failures of the second factor alone, and with them the stop after a hundred. */
  clearSecondFactor(identity: Uint8Array, now: number): void;
};

/**
 * Rows of invented identities at most. At the hash rate of a large machine, 10 minutes of invention make fewer; the
 * bound holds whatever comes. Rows of known users are never given up for them.
 */
const mostInvented = 100_000;

/**
 * Expired rows are pruned with every so-many-eth write, a slice at a time, so that no login waits for a great
 * clean-up.
 */
const writesBetweenPrunings = 64;
const prunedAtOnce = 256;

/** The counters of failed logins. Used inside transactions; opens none. */
export function loginFailureTable({ db, raw }: Connection): LoginFailureTable {
  const select = db
    .select({
      recent: loginFailures.recent,
      secondFactor: loginFailures.secondFactor,
      lockedUntil: loginFailures.lockedUntil,
    })
    .from(loginFailures)
    .where(eq(loginFailures.identity, sql.placeholder("identity")))
    .prepare();
  const upsert = raw.prepare<undefined, [Buffer, boolean, string, number, number, number | null]>(`
    INSERT INTO login_failures (identity, known, recent, second_factor, locked_until, expires_at) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (identity) DO UPDATE SET
      known = excluded.known, recent = excluded.recent, second_factor = excluded.second_factor,
      locked_until = excluded.locked_until, expires_at = excluded.expires_at`);
  const remove = db
    .delete(loginFailures)
    .where(eq(loginFailures.identity, sql.placeholder("identity")))
    .prepare();
  const pruneExpired = raw.prepare<undefined, [number, number, number]>(`
    DELETE FROM login_failures WHERE identity IN (
      SELECT identity FROM login_failures WHERE known = ? AND expires_at < ? ORDER BY expires_at LIMIT ?)`);
  const countInvented = raw.prepare<{ count: number }, []>(
    "SELECT count(*) AS count FROM login_failures WHERE known = 0",
  );
  const evictOldestInvented = raw.prepare<undefined, [number]>(`
    DELETE FROM login_failures WHERE identity IN (
      SELECT identity FROM login_failures WHERE known = 0 ORDER BY expires_at LIMIT ?)`);
  let writes = 0;

  function prune(now: number): void {
    pruneExpired.run(0, now, prunedAtOnce);
    pruneExpired.run(1, now, prunedAtOnce);
    const excess = (countInvented.get()?.count ?? 0) - mostInvented;
    if (excess > 0) evictOldestInvented.run(excess);
  }

  const read = (identity: Uint8Array) => select.get({ identity: Buffer.from(identity) }) ?? noFailures;

  function save(identity: Uint8Array, record: FailureRecord, now: number): void {
    const expiresAt = expiryOf(record);
    if (expiresAt !== null && expiresAt <= now) remove.run({ identity: Buffer.from(identity) });
    else write(identity, record, { known: true, expiresAt, now });
  }

  const write: LoginFailureTable["write"] = (identity, record, { known, expiresAt, now }) => {
    const { recent, secondFactor, lockedUntil } = record;
    upsert.run(Buffer.from(identity), known, JSON.stringify(recent), secondFactor, lockedUntil, expiresAt);
    writes += 1;
    if (writes % writesBetweenPrunings === 0) prune(now);
  };

  return {
    read,
    write,
    clear(identity) {
      remove.run({ identity: Buffer.from(identity) });
    },
    move(from, to, now) {
      save(to, mergedFailures(read(from), read(to)), now);
      remove.run({ identity: Buffer.from(from) });
    },
    clearSecondFactor(identity, now) {
      save(identity, withoutSecondFactorFailures(read(identity)), now);
    },
  };
}
