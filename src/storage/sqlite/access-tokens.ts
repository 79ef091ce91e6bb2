import { and, asc, count, eq, getTableColumns, gt, isNull, lte, or, sql } from "drizzle-orm";
import { mostAccessTokensOfAUser } from "../../features/access-tokens/model.ts";
import type { AccessTokenStore } from "../../features/access-tokens/store.ts";
import { ApiError } from "../../lib/errors.ts";
import { auditWriter } from "./audit.ts";
import type { Connection } from "./open.ts";
import { accessTokens, accounts, users } from "./schema.ts";

/** The answers to `features/access-tokens/store.ts`. */
export function accessTokenStore(connection: Connection): AccessTokenStore {
  const { db, write } = connection;
  const writeAudit = auditWriter(connection);
  const { tokenHash: _, ...shown } = getTableColumns(accessTokens);

  /** Expired tokens are good for nothing: they must not keep the user from new ones. */
  function makeRoom(userId: string, now: number): void {
    const ofUser = eq(accessTokens.userId, userId);
    db.delete(accessTokens)
      .where(and(ofUser, lte(accessTokens.expiresAt, now)))
      .run();
    const kept = db.select({ count: count() }).from(accessTokens).where(ofUser).get()?.count ?? 0;
    if (kept >= mostAccessTokensOfAUser) {
      throw new ApiError(
        "CONFLICT",
        `The user has ${mostAccessTokensOfAUser} access tokens, the most there can be: revoke one first.`,
      );
    }
  }

  const bearer = db
    .select({
      id: accessTokens.id,
      accountId: accessTokens.accountId,
      userId: accessTokens.userId,
      role: users.role,
      scopes: accessTokens.scopes,
      lastUsedAt: accessTokens.lastUsedAt,
    })
    .from(accessTokens)
    .innerJoin(users, and(eq(users.id, accessTokens.userId), eq(users.status, "active")))
    .innerJoin(accounts, and(eq(accounts.id, accessTokens.accountId), eq(accounts.status, "active")))
    .where(
      and(
        eq(accessTokens.tokenHash, sql.placeholder("tokenHash")),
        or(isNull(accessTokens.expiresAt), gt(accessTokens.expiresAt, sql.placeholder("now"))),
      ),
    )
    .prepare();

  return {
    findBearer: async (tokenHash, now) => bearer.get({ tokenHash, now }),
    noteUse: (id, now) =>
      write(() => {
        db.update(accessTokens).set({ lastUsedAt: now }).where(eq(accessTokens.id, id)).run();
      }),
    createAccessToken: (token, audit) =>
      write(() => {
        makeRoom(token.userId, token.createdAt);
        db.insert(accessTokens).values(token).run();
        writeAudit(audit);
      }),
    listAccessTokens: async (accountId, { afterId, limit }) =>
      db
        .select(shown)
        .from(accessTokens)
        .where(and(eq(accessTokens.accountId, accountId), gt(accessTokens.id, afterId)))
        .orderBy(asc(accessTokens.id))
        .limit(limit)
        .all(),
    findAccessToken: async (id) => db.select(shown).from(accessTokens).where(eq(accessTokens.id, id)).get(),
    revokeAccessToken: (id, audit) =>
      write(() => {
        const revoked = db
          .delete(accessTokens)
          .where(eq(accessTokens.id, id))
          .returning({ id: accessTokens.id })
          .all();
        if (revoked.length > 0) writeAudit(audit);
        return revoked.length > 0;
      }),
  };
}
