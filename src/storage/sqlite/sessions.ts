import { and, desc, eq, gt, isNull, ne, sql } from "drizzle-orm";
import type { SessionStore } from "../../features/sessions/store.ts";
import { auditWriter } from "./audit.ts";
import type { Connection } from "./open.ts";
import { refreshTokenRotator } from "./rotate-refresh-token.ts";
import { accounts, sessions, users } from "./schema.ts";
import { signingKeyAnswers } from "./signing-keys.ts";

/** The answers to `features/sessions/store.ts`. */
export function sessionStore(connection: Connection): SessionStore {
  const { db, write } = connection;
  const writeAudit = auditWriter(connection);
  const live = db
    .select({
      sessionId: sessions.id,
      userId: sessions.userId,
      accountId: sessions.accountId,
      role: users.role,
    })
    .from(sessions)
    .innerJoin(users, and(eq(users.id, sessions.userId), eq(users.status, "active")))
    .innerJoin(accounts, and(eq(accounts.id, sessions.accountId), eq(accounts.status, "active")))
    .where(
      and(
        eq(sessions.id, sql.placeholder("id")),
        isNull(sessions.endedAt),
        gt(sessions.expiresAt, sql.placeholder("now")),
      ),
    )
    .prepare();

  const owner = db
    .select({ id: sessions.id, userId: sessions.userId, accountId: sessions.accountId })
    .from(sessions)
    .where(eq(sessions.id, sql.placeholder("id")))
    .prepare();

  const liveOf = (userId: string) => and(eq(sessions.userId, userId), isNull(sessions.endedAt));

  return {
    rotateRefreshToken: refreshTokenRotator(connection),
    findLiveSession: async (id, now) => live.get({ id, now }),
    findSessionOwner: async (id) => owner.get({ id }),
    listLiveSessions: async ({ accountId, userId }, { now, idle }) =>
      db
        .select({
          id: sessions.id,
          createdAt: sessions.createdAt,
          lastUsedAt: sessions.lastUsedAt,
          address: sessions.address,
          userAgent: sessions.userAgent,
          origin: sessions.origin,
        })
        .from(sessions)
        .where(
          and(
            liveOf(userId),
            eq(sessions.accountId, accountId),
            gt(sessions.expiresAt, now),
            gt(sessions.generationAt, now - idle),
          ),
        )
        .orderBy(desc(sessions.lastUsedAt), desc(sessions.id))
        .all(),
    endSession: ({ id, userId, reason }, audit) =>
      write(() => {
        const ended = db
          .update(sessions)
          .set({ endedAt: audit.at, endReason: reason })
          .where(and(eq(sessions.id, id), liveOf(userId)))
          .returning({ id: sessions.id })
          .all();
        if (ended.length > 0) writeAudit(audit);
        return ended.length > 0;
      }),
    endSessions: ({ userId, except, reason }, audit) =>
      write(() => {
        const ended = db
          .update(sessions)
          .set({ endedAt: audit.at, endReason: reason })
          .where(and(liveOf(userId), except === null ? undefined : ne(sessions.id, except)))
          .returning({ id: sessions.id })
          .all();
        if (ended.length > 0) writeAudit({ ...audit, details: { ...audit.details, count: ended.length } });
        return ended.length;
      }),
    ...signingKeyAnswers(connection),
  };
}
