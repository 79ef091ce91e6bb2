import { and, eq, isNull, ne, sql } from "drizzle-orm";
import type { SessionEndReason } from "../../features/sessions/model.ts";
import type { User } from "../../features/users/model.ts";
import type { UserStore } from "../../features/users/store.ts";
import { ApiError } from "../../lib/errors.ts";
import { foldCase } from "../../lib/text.ts";
import { auditWriter } from "./audit.ts";
import { isUniqueViolation } from "./commit.ts";
import { loginFailureTable } from "./login-failures.ts";
import type { Connection } from "./open.ts";
import { roleTable } from "./roles.ts";
import { sessions, users } from "./schema.ts";
import { userReader } from "./user-reader.ts";
import { userWriter } from "./user-writer.ts";

/** The answers to `features/users/store.ts`. */
export function userStore(connection: Connection): UserStore {
  const { db, write } = connection;
  const writeAudit = auditWriter(connection);
  const reader = userReader(connection);
  const roles = roleTable(connection);
  const insertUser = userWriter(connection);
  const endSessions = sessionEnder(connection);
  const failures = loginFailureTable(connection);

  function existing({ id, accountId }: { id: string; accountId: string }): User {
    const user = reader.byId(accountId, id);
    if (user === undefined) throw new ApiError("NOT_FOUND", "This user no longer exists.");
    return user;
  }

  return {
    createUser: (user, audit) =>
      write(() => {
        roles.refuseUnknown(user.accountId, [user.role]);
        try {
          insertUser(user);
        } catch (error) {
          if (!isUniqueViolation(error)) throw error;
          throw new ApiError(
            "CONFLICT",
            "The account has a user with this e-mail address, or the id is taken.",
          );
        }
        writeAudit(audit);
        return existing(user);
      }),
    listUsers: async (accountId, { afterId, limit }) => reader.page(accountId, afterId, limit),
    findUser: async (accountId, userId) => reader.byId(accountId, userId),
    findUserByEmail: async (accountId, email) => reader.byEmail(accountId, foldCase(email)),
    changePassword: ({ userId, passwordHash, keepSession, now, provedVersion }, audit) =>
      write(() => {
        const changed = db
          .update(users)
          .set({ passwordHash, passwordVersion: sql`${users.passwordVersion} + 1`, updatedAt: now })
          .where(and(eq(users.id, userId), hasVersion(provedVersion)))
          .returning({ id: users.id })
          .all();
        if (changed.length === 0) return false;
        endSessions(userId, "password-changed", now, keepSession);
        writeAudit(audit);
        return true;
      }),
    updateProfile: (user, changes, audit) =>
      write(() => {
        const { email } = changes;
        try {
          const changed = db
            .update(users)
            .set({
              ...changes,
              ...(email !== undefined && { emailKey: foldCase(email) }),
              updatedAt: audit.at,
            })
            .where(
              and(eq(users.id, user.id), eq(users.accountId, user.accountId), hasVersion(user.provedVersion)),
            )
            .returning({ id: users.id })
            .all();
          if (changed.length === 0) return undefined;
        } catch (error) {
          if (!isUniqueViolation(error)) throw error;
          throw new ApiError("CONFLICT", "The account has another user with this e-mail address.");
        }
        // One person, one counter: another address is no way to fresh tries.
        if (user.identities !== undefined) failures.move(user.identities.from, user.identities.to, audit.at);
        writeAudit(audit);
        return existing(user);
      }),
    setUserStatus: (user, status, audit) =>
      write(() => {
        const changed = db
          .update(users)
          .set({ status, updatedAt: audit.at })
          .where(and(eq(users.id, user.id), ne(users.status, status)))
          .returning({ id: users.id })
          .all();
        if (changed.length > 0) {
          if (status === "suspended") endSessions(user.id, "user-suspended", audit.at);
          writeAudit(audit);
        }
        return existing(user);
      }),
  };
}

/**
 * Repeats in the statement what was proved before it: a password that was changed meanwhile proves nothing any more.
 */
function hasVersion(proved: number | undefined) {
  return proved === undefined ? undefined : eq(users.passwordVersion, proved);
}

/** Ends all live sessions of a user, but `except`, inside the transaction of what makes them end. */
export function sessionEnder({ db }: Connection) {
  return (userId: string, reason: SessionEndReason, now: number, except: string | null = null): void => {
    db.update(sessions)
      .set({ endedAt: now, endReason: reason })
      .where(
        and(
          eq(sessions.userId, userId),
          isNull(sessions.endedAt),
          except === null ? undefined : ne(sessions.id, except),
        ),
      )
      .run();
  };
}
