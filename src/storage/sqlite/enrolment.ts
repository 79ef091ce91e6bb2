import { and, count, eq, gt, isNull, sql } from "drizzle-orm";
import type { AuditEntry } from "../../features/audit/model.ts";
import type {
  Disabling,
  Enabling,
  EnrolmentStore,
  Owner,
  Reauthentication,
} from "../../features/enrolment/store.ts";
import { twoFactorChangedEvent } from "../../features/two-factor/events.ts";
import { userUpdatedEvent } from "../../features/users/event.ts";
import type { User } from "../../features/users/model.ts";
import { ApiError } from "../../lib/errors.ts";
import { auditWriter } from "./audit.ts";
import { eventWriter } from "./events.ts";
import { loginFailureTable } from "./login-failures.ts";
import type { Connection } from "./open.ts";
import { accounts, pendingTwoFactor, recoveryCodes, sessions, twoFactor, users } from "./schema.ts";
import { proofSpender, recoveryCodeUseRecorder } from "./spend-proof.ts";
import { userReader } from "./user-reader.ts";
import { sessionEnder } from "./users.ts";

/** The answers to `features/enrolment/store.ts`. */
export function enrolmentStore(connection: Connection): EnrolmentStore {
  const { db, write } = connection;
  const writeAudit = auditWriter(connection);
  const writeEvent = eventWriter(connection);
  const reader = userReader(connection);
  const spendProof = proofSpender(connection);
  const recordRecoveryCodeUse = recoveryCodeUseRecorder(connection);
  const endSessions = sessionEnder(connection);
  const failures = loginFailureTable(connection);

  function existing({ accountId, userId }: Owner): User {
    const user = reader.byId(accountId, userId);
    if (user === undefined) throw new ApiError("NOT_FOUND", "This user no longer exists.");
    return user;
  }

  function markProven(sessionId: string, userId: string, now: number, secondFactor: boolean): void {
    db.update(sessions)
      .set({ provedAt: now, provedSecondFactor: secondFactor })
      .where(and(eq(sessions.id, sessionId), eq(sessions.userId, userId)))
      .run();
  }

  function reauthenticate({
    sessionId,
    passwordVersion,
    proof,
    identity,
    now,
    from,
    recovery,
    ...owner
  }: Reauthentication): boolean {
    const { userId } = owner;
    const current = db
      .select({ version: users.passwordVersion })
      .from(users)
      .where(eq(users.id, userId))
      .get();
    if (current?.version !== passwordVersion) return false;
    if (proof !== null && !spendProof(userId, proof)) return false;
    if (proof?.kind === "recovery-code") {
      recordRecoveryCodeUse({ user: existing(owner), now, from, ...recovery });
      failures.clearSecondFactor(identity, now);
    }
    markProven(sessionId, userId, now, proof !== null);
    return true;
  }

  /**
   * Tickets are for a version of the password: with the next one they are void, though the second factor be turned
   * off again.
   */
  function endTickets(userId: string): void {
    db.update(users)
      .set({ passwordVersion: sql`${users.passwordVersion} + 1` })
      .where(eq(users.id, userId))
      .run();
  }

  /**
   * Asked again here, since it was true before the code was checked: a ticket never replaces a second factor, nor
   * lets a suspended user enrol.
   */
  function mayUseTicket(userId: string, passwordVersion: number): boolean {
    const found = db
      .select({
        status: users.status,
        accountStatus: accounts.status,
        version: users.passwordVersion,
        enrolled: twoFactor.userId,
      })
      .from(users)
      .innerJoin(accounts, eq(accounts.id, users.accountId))
      .leftJoin(twoFactor, eq(twoFactor.userId, users.id))
      .where(eq(users.id, userId))
      .get();
    if (found?.status !== "active" || found.accountStatus !== "active") return false;
    return found.enrolled === null && found.version === passwordVersion;
  }

  function isLive(sessionId: string, userId: string): boolean {
    const live = and(eq(sessions.id, sessionId), eq(sessions.userId, userId), isNull(sessions.endedAt));
    return db.select({ id: sessions.id }).from(sessions).where(live).get() !== undefined;
  }

  function enable(
    { pendingSecret, secret, step, passwordVersion, sessionId, eventId, ...owner }: Enabling,
    audit: AuditEntry,
  ): User | undefined {
    const { userId, accountId } = owner;
    if (!(sessionId === null ? mayUseTicket(userId, passwordVersion) : isLive(sessionId, userId)))
      return undefined;
    const confirmed = db
      .delete(pendingTwoFactor)
      .where(
        and(eq(pendingTwoFactor.userId, userId), eq(pendingTwoFactor.secret, Buffer.from(pendingSecret))),
      )
      .returning({ userId: pendingTwoFactor.userId })
      .all();
    if (confirmed.length === 0) return undefined;
    const values = { secret: Buffer.from(secret), lastAcceptedStep: step, enabledAt: audit.at };
    db.insert(twoFactor)
      .values({ userId, ...values })
      .onConflictDoUpdate({ target: twoFactor.userId, set: values })
      .run();
    db.update(users).set({ updatedAt: audit.at }).where(eq(users.id, userId)).run();
    if (sessionId !== null) markProven(sessionId, userId, audit.at, true);
    else endTickets(userId);
    writeAudit(audit);
    const user = existing(owner);
    const body = twoFactorChangedEvent("two-factor.enabled", user, audit.at);
    writeEvent({ id: eventId, accountId, type: "two-factor.enabled", body, now: audit.at });
    return user;
  }

  /** Forgets the second factor. Says whether there was one. */
  function forget(userId: string, now: number): boolean {
    db.delete(recoveryCodes).where(eq(recoveryCodes.userId, userId)).run();
    db.delete(pendingTwoFactor).where(eq(pendingTwoFactor.userId, userId)).run();
    const gone = db
      .delete(twoFactor)
      .where(eq(twoFactor.userId, userId))
      .returning({ userId: twoFactor.userId })
      .all();
    if (gone.length > 0) db.update(users).set({ updatedAt: now }).where(eq(users.id, userId)).run();
    return gone.length > 0;
  }

  function disable(
    { proof, identity, eventId, recovery, ...owner }: Disabling,
    audit: AuditEntry,
  ): User | undefined {
    const { userId, accountId } = owner;
    if (proof !== null && !spendProof(userId, proof)) return undefined;
    if (proof?.kind === "recovery-code") {
      recordRecoveryCodeUse({ user: existing(owner), now: audit.at, from: audit.from, ...recovery });
    }
    if (!forget(userId, audit.at)) return undefined;
    // What was guessed wrong was of a secret that is gone.
    failures.clearSecondFactor(identity, audit.at);
    writeAudit(audit);
    const user = existing(owner);
    const body = twoFactorChangedEvent("two-factor.disabled", user, audit.at);
    writeEvent({ id: eventId, accountId, type: "two-factor.disabled", body, now: audit.at });
    return user;
  }

  return {
    async findSecondFactor({ userId }) {
      const found = db.select().from(twoFactor).where(eq(twoFactor.userId, userId)).get();
      if (found === undefined) return undefined;
      const left = db
        .select({ left: count() })
        .from(recoveryCodes)
        .where(eq(recoveryCodes.userId, userId))
        .get();
      return { enabledAt: found.enabledAt, recoveryCodesLeft: left?.left ?? 0 };
    },
    findSessionProof: async (sessionId) =>
      db
        .select({ provedAt: sessions.provedAt, secondFactor: sessions.provedSecondFactor })
        .from(sessions)
        .where(eq(sessions.id, sessionId))
        .get(),
    recordReauthentication: (reauthentication) => write(() => reauthenticate(reauthentication)),
    keepPendingSecret: ({ userId, secret, expiresAt }) =>
      write(() => {
        const values = { secret: Buffer.from(secret), expiresAt };
        db.insert(pendingTwoFactor)
          .values({ userId, ...values })
          .onConflictDoUpdate({ target: pendingTwoFactor.userId, set: values })
          .run();
      }),
    findPendingSecret: async (userId, now) =>
      db
        .select({ secret: pendingTwoFactor.secret })
        .from(pendingTwoFactor)
        .where(and(eq(pendingTwoFactor.userId, userId), gt(pendingTwoFactor.expiresAt, now)))
        .get()?.secret,
    enableTwoFactor: (enabling, audit) => write(() => enable(enabling, audit)),
    disableTwoFactor: (disabling, audit) => write(() => disable(disabling, audit)),
    replaceRecoveryCodes: ({ userId, hashes }, audit) =>
      write(() => {
        const enrolled = db
          .select({ userId: twoFactor.userId })
          .from(twoFactor)
          .where(eq(twoFactor.userId, userId))
          .get();
        if (enrolled === undefined) return false;
        db.delete(recoveryCodes).where(eq(recoveryCodes.userId, userId)).run();
        for (const hash of hashes) {
          db.insert(recoveryCodes)
            .values({ userId, codeHash: Buffer.from(hash), createdAt: audit.at })
            .run();
        }
        writeAudit(audit);
        return true;
      }),
    resetTwoFactor: ({ identity, eventId, ...owner }, audit) =>
      write(() => {
        const { userId, accountId } = owner;
        forget(userId, audit.at);
        endSessions(userId, "two-factor-reset", audit.at);
        endTickets(userId);
        failures.clearSecondFactor(identity, audit.at);
        db.update(users)
          .set({ updatedAt: sql`max(${users.updatedAt}, ${audit.at})` })
          .where(eq(users.id, userId))
          .run();
        writeAudit(audit);
        const user = existing(owner);
        writeEvent({
          id: eventId,
          accountId,
          type: "user.updated",
          body: userUpdatedEvent(user, audit.at),
          now: audit.at,
        });
        return user;
      }),
  };
}
