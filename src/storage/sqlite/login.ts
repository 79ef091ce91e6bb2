import { and, eq, gt, sql } from "drizzle-orm";
import { afterFailure, expiryOf, lockRemaining } from "../../features/login/lockout.ts";
import type { LoginStore } from "../../features/login/store.ts";
import { foldCase } from "../../lib/text.ts";
import { auditWriter } from "./audit.ts";
import { loginFailureTable } from "./login-failures.ts";
import type { Connection } from "./open.ts";
import { loginRecorder } from "./record-login.ts";
import { accounts, recoveryCodes, twoFactor, users } from "./schema.ts";

/** The answers to `features/login/store.ts`; the one transaction of a login is in `record-login.ts`. */
export function loginStore(connection: Connection): LoginStore {
  const { db, write } = connection;
  const writeAudit = auditWriter(connection);
  const failures = loginFailureTable(connection);
  const account = { id: accounts.id, status: accounts.status, requireTwoFactor: accounts.requireTwoFactor };
  const byId = db
    .select(account)
    .from(accounts)
    .where(eq(accounts.id, sql.placeholder("id")))
    .prepare();
  const byAlias = db
    .select(account)
    .from(accounts)
    .where(eq(accounts.aliasKey, sql.placeholder("aliasKey")))
    .prepare();
  // Two rows tell "the only account" from "one of several" without counting.
  const firstTwo = db.select(account).from(accounts).limit(2).prepare();
  const userByEmail = db
    .select({
      id: users.id,
      status: users.status,
      role: users.role,
      otherRoles: users.otherRoles,
      passwordHash: users.passwordHash,
      passwordVersion: users.passwordVersion,
      sealedSecret: twoFactor.secret,
      lastAcceptedStep: twoFactor.lastAcceptedStep,
    })
    .from(users)
    .leftJoin(twoFactor, eq(twoFactor.userId, users.id))
    .where(
      and(eq(users.accountId, sql.placeholder("accountId")), eq(users.emailKey, sql.placeholder("emailKey"))),
    )
    .prepare();
  const recoveryCode = db
    .select({ userId: recoveryCodes.userId })
    .from(recoveryCodes)
    .where(
      and(
        eq(recoveryCodes.userId, sql.placeholder("userId")),
        eq(recoveryCodes.codeHash, sql.placeholder("hash")),
      ),
    )
    .prepare();

  return {
    async findLoginAccount(id, alias) {
      if (id === null && alias === null) {
        const [only, another] = firstTwo.all();
        return another === undefined ? only : undefined;
      }
      const named = id === null ? undefined : byId.get({ id });
      if (alias === null) return named;
      const aliased = byAlias.get({ aliasKey: foldCase(alias) });
      return id === null || named?.id === aliased?.id ? aliased : undefined;
    },
    async findLoginUser(accountId, email) {
      const row = userByEmail.get({ accountId, emailKey: foldCase(email) });
      if (row === undefined) return undefined;
      const { role, otherRoles, sealedSecret, lastAcceptedStep, ...user } = row;
      const enrolled = sealedSecret !== null && lastAcceptedStep !== null;
      return {
        ...user,
        roles: [role, ...otherRoles],
        twoFactor: enrolled ? { sealedSecret, lastAcceptedStep } : null,
      };
    },
    readFailures: async (identity) => failures.read(identity),
    recordFailure: (failure) =>
      write(() => {
        const record = failures.read(failure.identity);
        if (lockRemaining(record, failure.now) > 0) return { kind: "refused", record } as const;
        const after = afterFailure(record, failure.kind, failure.now);
        failures.write(failure.identity, after, {
          known: failure.user !== null,
          expiresAt: expiryOf(after),
          now: failure.now,
        });
        if (failure.user !== null) {
          const entry = {
            accountId: failure.user.accountId,
            at: failure.now,
            actor: "user",
            target: { kind: "user", id: failure.user.id },
            from: failure.from,
          } as const;
          const [failedId, lockedId] = failure.auditIds;
          writeAudit({ ...entry, id: failedId, action: "login.failed", details: { factor: failure.kind } });
          if (lockRemaining(after, failure.now) > 0) {
            writeAudit({
              ...entry,
              id: lockedId,
              action: "login.locked",
              details: { until: after.lockedUntil },
            });
          }
        }
        return { kind: "counted" } as const;
      }),
    recordLogin: loginRecorder(connection, failures),
    unlock: (identity, userId, audit) =>
      write(() => {
        failures.clear(identity);
        // A clock that ran ahead and was set back leaves a spent step in the future: without this, no code works
        // until then. The next step is none of these: a phone that runs ahead spends it, and it stays spent.
        const step = Math.floor(audit.at / 30_000);
        db.update(twoFactor)
          .set({
            lastAcceptedStep: step,
          })
          .where(and(eq(twoFactor.userId, userId), gt(twoFactor.lastAcceptedStep, step + 1)))
          .run();
        writeAudit(audit);
      }),
    hasRecoveryCode: async (userId, hash) =>
      recoveryCode.get({ userId, hash: Buffer.from(hash) }) !== undefined,
    replacePasswordHash: ({ userId, from, to }) =>
      write(() => {
        const replaced = db
          .update(users)
          .set({ passwordHash: to })
          .where(and(eq(users.id, userId), eq(users.passwordHash, from)))
          .returning({ id: users.id })
          .all();
        return replaced.length > 0;
      }),
  };
}
