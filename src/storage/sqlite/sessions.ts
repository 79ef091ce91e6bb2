import { and, asc, eq, gt, isNull, sql } from "drizzle-orm";
import type { SessionStore } from "../../features/sessions/store.ts";
import { auditWriter } from "./audit.ts";
import type { Connection } from "./open.ts";
import { refreshTokenRotator } from "./rotate-refresh-token.ts";
import { accounts, sessions, signingKeys, users } from "./schema.ts";

/** The answers to `features/sessions/store.ts`. */
export function sessionStore(connection: Connection): SessionStore {
  const { db, write } = connection;
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

  return {
    rotateRefreshToken: refreshTokenRotator(connection, auditWriter(connection)),
    findLiveSession: async (id, now) => live.get({ id, now }),
    listSigningKeys: async () => db.select().from(signingKeys).orderBy(asc(signingKeys.signsFrom)).all(),
    addFirstSigningKey: (key) =>
      write(() => {
        const existing = db.select({ id: signingKeys.id }).from(signingKeys).limit(1).get();
        if (existing === undefined) {
          db.insert(signingKeys)
            .values({ ...key, privateKey: Buffer.from(key.privateKey) })
            .run();
        }
      }),
  };
}
