import { and, eq, isNull, sql } from "drizzle-orm";
import { reuseDetectedEvent } from "../../features/sessions/event.ts";
import type { Rotation, RotationOutcome, SessionStore } from "../../features/sessions/store.ts";
import { auditWriter } from "./audit.ts";
import { eventWriter } from "./events.ts";
import type { Connection } from "./open.ts";
import { accounts, sessions, users } from "./schema.ts";
import { userReader } from "./user-reader.ts";

type Moved = { generation: number; accountId: string; userId: string; role: string };

/** `lastSeenAt` moves at most so often, in ms: it is for people, and a refresh should write one row. */
const noteSeenEveryMs = 60_000;

/** Refresh-token rotation, in one transaction each. */
export function refreshTokenRotator(connection: Connection): SessionStore["rotateRefreshToken"] {
  const { raw, write } = connection;
  const findSpent = spentTokenReader(connection);
  const recordReuse = reuseRecorder(connection);
  // The one conditional statement, with every condition in its WHERE: of two simultaneous refreshes one moves the
  // session on, the other finds it moved.
  const moveOn = raw.prepare<Moved, { id: string; generation: number; now: number; idleSince: number }>(`
    UPDATE sessions SET generation = generation + 1, generation_at = $now, last_used_at = $now
    WHERE id = $id AND generation = $generation AND ended_at IS NULL AND expires_at > $now AND generation_at > $idleSince
      AND EXISTS (SELECT 1 FROM users WHERE users.id = sessions.user_id AND users.status = 'active')
      AND EXISTS (SELECT 1 FROM accounts WHERE accounts.id = sessions.account_id AND accounts.status = 'active')
    RETURNING generation, account_id AS accountId, user_id AS userId,
      (SELECT role FROM users WHERE users.id = sessions.user_id) AS role`);
  const noteSeen = raw.prepare<undefined, { userId: string; now: number; noteEvery: number }>(
    "UPDATE users SET last_seen_at = $now WHERE id = $userId AND last_seen_at <= $now - $noteEvery",
  );

  function rotate(rotation: Rotation): RotationOutcome {
    const { sessionId, generation, now, grace, idle } = rotation;
    const moved = moveOn.get({ id: sessionId, generation, now, idleSince: now - idle });
    if (moved !== null) {
      const { accountId, userId, role } = moved;
      noteSeen.run({ userId, now, noteEvery: noteSeenEveryMs });
      return {
        kind: "refreshed",
        identity: { accountId, userId, sessionId, role },
        generation: moved.generation,
      };
    }
    const found = findSpent(rotation);
    if (found === undefined) return { kind: "refused" };
    const { session, role } = found;
    // Both ways: a clock that was set back must not make the grace of a stolen token longer.
    if (Math.abs(now - session.generationAt) < grace) {
      // The one before: its answer was lost, or another tab was faster. An older one has had its grace; it is
      // refused, no more.
      if (generation !== session.generation - 1) return { kind: "refused" };
      const identity = { accountId: session.accountId, userId: session.userId, sessionId, role };
      return { kind: "refreshed", identity, generation: session.generation };
    }
    recordReuse(session, rotation);
    return { kind: "reuse" };
  }

  return (rotation) => write(() => rotate(rotation));
}

/**
 * The live session of a spent token, with its user's role; undefined where nothing is owed to the token: whoever may
 * not refresh is refused, and no more.
 */
function spentTokenReader({ db }: Connection) {
  const find = db
    .select({
      session: sessions,
      role: users.role,
      userStatus: users.status,
      accountStatus: accounts.status,
    })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .innerJoin(accounts, eq(accounts.id, sessions.accountId))
    .where(eq(sessions.id, sql.placeholder("id")))
    .prepare();
  return ({ sessionId, generation, now, idle }: Rotation) => {
    const found = find.get({ id: sessionId });
    if (found === undefined || found.session.endedAt !== null) return undefined;
    if (now >= found.session.expiresAt || now >= found.session.generationAt + idle) return undefined;
    if (found.userStatus !== "active" || found.accountStatus !== "active") return undefined;
    return generation < found.session.generation ? found : undefined;
  };
}

/** Ends a session whose spent token came back, and tells of it: the thief's copy or the owner's is the other one. */
function reuseRecorder(connection: Connection) {
  const { db } = connection;
  const writeAudit = auditWriter(connection);
  const writeEvent = eventWriter(connection);
  const reader = userReader(connection);
  const end = db
    .update(sessions)
    .set({ endedAt: sql`${sql.placeholder("now")}`, endReason: "reuse-detected" })
    .where(and(eq(sessions.id, sql.placeholder("id")), isNull(sessions.endedAt)))
    .prepare();
  return (
    session: typeof sessions.$inferSelect,
    { generation, now, from, auditId, eventId }: Rotation,
  ): void => {
    const { id, accountId, userId } = session;
    end.run({ id, now });
    writeAudit({
      id: auditId,
      accountId,
      at: now,
      action: "session.reuse-detected",
      actor: "server",
      target: { kind: "session", id },
      from,
      details: { userId, generation, current: session.generation },
    });
    const user = reader.byId(accountId, userId);
    if (user === undefined) throw new Error("the user of a session cannot be read");
    const body = reuseDetectedEvent(session, user, from, now);
    writeEvent({ id: eventId, accountId, type: "session.reuse-detected", body, now });
  };
}
