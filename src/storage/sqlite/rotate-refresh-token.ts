import { and, eq, isNull, sql } from "drizzle-orm";
import { reuseDetectedEvent } from "../../features/sessions/event.ts";
import type { Rotation, RotationOutcome, SessionStore } from "../../features/sessions/store.ts";
import { auditWriter } from "./audit.ts";
import { eventWriter } from "./events.ts";
import type { Connection } from "./open.ts";
import { accounts, sessions, users } from "./schema.ts";
import { userReader } from "./user-reader.ts";

/** Refresh-token rotation, in one transaction each. */
export function refreshTokenRotator(connection: Connection): SessionStore["rotateRefreshToken"] {
  const { db, write } = connection;
  const recordReuse = reuseRecorder(connection);
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
  // The generation in the WHERE makes two simultaneous refreshes take turns: one moves it on, the other finds it moved.
  const moveOn = db
    .update(sessions)
    .set({
      generation: sql`${sessions.generation} + 1`,
      generationAt: sql`${sql.placeholder("now")}`,
      lastUsedAt: sql`${sql.placeholder("now")}`,
    })
    .where(
      and(
        eq(sessions.id, sql.placeholder("id")),
        eq(sessions.generation, sql.placeholder("generation")),
        isNull(sessions.endedAt),
      ),
    )
    .returning({ generation: sessions.generation })
    .prepare();
  const touch = db
    .update(users)
    .set({ lastSeenAt: sql`${sql.placeholder("now")}` })
    .where(eq(users.id, sql.placeholder("userId")))
    .prepare();
  function rotate(rotation: Rotation): RotationOutcome {
    const { sessionId, generation, now, grace, idle } = rotation;
    const row = find.get({ id: sessionId });
    if (row === undefined) return { kind: "refused" };
    const { session, role } = row;
    const standing = row.userStatus === "active" && row.accountStatus === "active";
    if (!standing || session.endedAt !== null || generation > session.generation) return { kind: "refused" };
    if (now >= session.expiresAt || now >= session.generationAt + idle) return { kind: "refused" };
    const identity = { accountId: session.accountId, userId: session.userId, sessionId, role };
    if (generation === session.generation) {
      const moved = moveOn.all({ id: sessionId, generation, now })[0];
      if (moved === undefined) return { kind: "refused" };
      touch.run({ userId: session.userId, now });
      return { kind: "refreshed", identity, generation: moved.generation };
    }
    if (now < session.generationAt + grace) {
      // The one before: its answer was lost, or another tab was faster. An older one has had its grace; it is refused, no more.
      const previous = generation === session.generation - 1;
      return previous ? { kind: "refreshed", identity, generation: session.generation } : { kind: "refused" };
    }
    recordReuse(session, rotation);
    return { kind: "reuse" };
  }

  return (rotation) => write(() => rotate(rotation));
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
