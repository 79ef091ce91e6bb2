import { and, eq, isNull, sql } from "drizzle-orm";
import type { AuditEntry } from "../../features/audit/model.ts";
import type { Rotation, RotationOutcome, SessionStore } from "../../features/sessions/store.ts";
import type { Connection } from "./open.ts";
import { accounts, sessions, users } from "./schema.ts";

/** Refresh-token rotation, in one transaction each. */
export function refreshTokenRotator(
  { db, write }: Connection,
  writeAudit: (entry: AuditEntry) => void,
): SessionStore["rotateRefreshToken"] {
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
  const end = db
    .update(sessions)
    .set({ endedAt: sql`${sql.placeholder("now")}`, endReason: "reuse-detected" })
    .where(and(eq(sessions.id, sql.placeholder("id")), isNull(sessions.endedAt)))
    .prepare();

  function rotate(rotation: Rotation, audit: Pick<AuditEntry, "id" | "from">): RotationOutcome {
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
    end.run({ id: sessionId, now });
    writeAudit({
      id: audit.id,
      accountId: session.accountId,
      at: now,
      action: "session.reuse-detected",
      actor: "server",
      target: { kind: "session", id: sessionId },
      from: audit.from,
      details: { userId: session.userId, generation, current: session.generation },
    });
    return { kind: "reuse" };
  }

  return (rotation, audit) => write(() => rotate(rotation, audit));
}
