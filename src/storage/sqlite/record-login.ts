import { and, eq, sql } from "drizzle-orm";
import { loggedInEvent } from "../../features/login/event.ts";
import { lockRemaining } from "../../features/login/lockout.ts";
import type { LoginOutcome, LoginRecord, LoginStore } from "../../features/login/store.ts";
import { mostSessionsOfAUser } from "../../features/sessions/model.ts";
import { auditWriter } from "./audit.ts";
import { eventWriter } from "./events.ts";
import type { LoginFailureTable } from "./login-failures.ts";
import type { Connection } from "./open.ts";
import { accounts, sessions, twoFactor, users } from "./schema.ts";
import { proofSpender, recoveryCodeUseRecorder } from "./spend-proof.ts";
import { userReader } from "./user-reader.ts";

/** The one transaction of a login: each condition asked again, then everything written, or nothing. */
export function loginRecorder(
  connection: Connection,
  failures: LoginFailureTable,
): LoginStore["recordLogin"] {
  const { db, write } = connection;
  const writeAudit = auditWriter(connection);
  const writeEvent = eventWriter(connection);
  const reader = userReader(connection);
  const spendProof = proofSpender(connection);
  const recordRecoveryCodeUse = recoveryCodeUseRecorder(connection);
  const makeSession = sessionMaker(connection);
  const state = db
    .select({
      passwordVersion: users.passwordVersion,
      userStatus: users.status,
      accountStatus: accounts.status,
      enrolled: twoFactor.userId,
    })
    .from(users)
    .innerJoin(accounts, eq(accounts.id, users.accountId))
    .leftJoin(twoFactor, eq(twoFactor.userId, users.id))
    .where(and(eq(users.id, sql.placeholder("userId")), eq(users.accountId, sql.placeholder("accountId"))))
    .prepare();
  const setTimes = db
    .update(users)
    .set({ lastLoginAt: sql`${sql.placeholder("now")}`, lastSeenAt: sql`${sql.placeholder("now")}` })
    .where(eq(users.id, sql.placeholder("userId")))
    .prepare();

  /** Why this login may not be recorded, asked in the same order as by the checks before; undefined when it may. */
  function refusal(login: LoginRecord): LoginOutcome | undefined {
    const record = failures.read(login.identity);
    if (lockRemaining(record, login.now) > 0) return { kind: "locked", record };
    const now = state.get({ userId: login.userId, accountId: login.accountId });
    if (now === undefined || now.passwordVersion !== login.passwordVersion)
      return { kind: "credentials-changed" };
    if (now.enrolled !== null && login.proof === null) return { kind: "proof-missing" };
    if (now.accountStatus === "suspended") return { kind: "account-suspended" };
    if (now.userStatus === "suspended") return { kind: "user-suspended" };
    // Last, since it writes: a login that is refused uses nothing up.
    if (login.proof !== null && !spendProof(login.userId, login.proof)) return { kind: "proof-spent" };
    return undefined;
  }

  function recordLogin(login: LoginRecord): LoginOutcome {
    const refused = refusal(login);
    if (refused !== undefined) return refused;
    const { accountId, userId, session, now } = login;
    failures.clear(login.identity);
    setTimes.run({ userId, now });
    makeSession(login);
    const user = reader.byId(accountId, userId);
    if (user === undefined) throw new Error("a user whose state was just read is gone");
    writeAudit({
      id: login.auditId,
      accountId,
      at: now,
      action: "login.succeeded",
      actor: "user",
      target: { kind: "user", id: userId },
      from: session.from,
      details: { sessionId: session.id, secondFactor: login.proof?.kind ?? null },
    });
    writeEvent({
      id: login.eventId,
      accountId,
      type: "account.logged-in",
      body: loggedInEvent(user, now),
      now,
    });
    if (login.proof?.kind === "recovery-code") {
      recordRecoveryCodeUse({
        user,
        now,
        from: session.from,
        auditId: login.recovery.auditId,
        eventId: login.recovery.eventId,
      });
    }
    return { kind: "logged-in", identity: { accountId, userId, sessionId: session.id, role: user.role } };
  }

  return (login) => write(() => recordLogin(login));
}

/** Makes the session and ends the user's oldest ones beyond the limit. */
function sessionMaker({ db, raw }: Connection) {
  const insert = db
    .insert(sessions)
    .values({
      id: sql.placeholder("id"),
      accountId: sql.placeholder("accountId"),
      userId: sql.placeholder("userId"),
      generation: 1,
      generationAt: sql.placeholder("now"),
      origin: sql.placeholder("origin"),
      userAgent: sql.placeholder("userAgent"),
      address: sql.placeholder("address"),
      createdAt: sql.placeholder("now"),
      lastUsedAt: sql.placeholder("now"),
      provedAt: sql.placeholder("now"),
      provedSecondFactor: sql.placeholder("secondFactor"),
      expiresAt: sql.placeholder("expiresAt"),
    })
    .prepare();
  const endOldest = raw.prepare<undefined, { userId: string; now: number; kept: number }>(`
    UPDATE sessions SET ended_at = $now, end_reason = 'too-many-sessions' WHERE id IN (
      SELECT id FROM sessions WHERE user_id = $userId AND ended_at IS NULL
      ORDER BY created_at DESC LIMIT -1 OFFSET $kept)`);
  return ({ accountId, userId, session, proof, now }: LoginRecord): void => {
    endOldest.run({ userId, now, kept: mostSessionsOfAUser - 1 });
    const { id, expiresAt, from } = session;
    insert.run({ id, accountId, userId, now, expiresAt, secondFactor: proof !== null, ...from });
  };
}
