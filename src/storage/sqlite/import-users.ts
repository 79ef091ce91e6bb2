import { eq, sql } from "drizzle-orm";
import type {
  ImportedCredentials,
  ImportedMetadata,
  ImportedUser,
  ImportMark,
  ImportStore,
} from "../../features/import/store.ts";
import { ApiError } from "../../lib/errors.ts";
import { foldCase } from "../../lib/text.ts";
import { differing, isEmpty } from "./differing.ts";
import { importAudit } from "./import-audit.ts";
import type { ImportFinder } from "./import-finder.ts";
import type { Connection } from "./open.ts";
import type { RoleTable } from "./roles.ts";
import { recoveryCodes, twoFactor, userMetadata, users } from "./schema.ts";
import { userWriter } from "./user-writer.ts";
import { sessionEnder } from "./users.ts";

type UserRow = typeof users.$inferSelect;

/** Imports users with their metadata and, where they are new, what they log in with. */
export function userImport(
  connection: Connection,
  finder: ImportFinder,
  roles: RoleTable,
): ImportStore["importUser"] {
  const { db, write } = connection;
  const audited = importAudit(connection);
  const insertUser = userWriter(connection);
  const endSessions = sessionEnder(connection);
  const writeCredentials = credentialsWriter(connection);
  const replaceMetadata = metadataReplacer(connection);

  const byId = db
    .select()
    .from(users)
    .where(eq(users.id, sql.placeholder("id")))
    .prepare();

  function create(id: string, user: ImportedUser, mark: ImportMark): void {
    const { credentials, metadata, roles: _roles, id: _id, ...given } = user;
    if (credentials === undefined) {
      throw new ApiError("CONFLICT", "the user was removed while the file was imported: import it again");
    }
    const { role = "user", otherRoles = [] } = givenRoles(user, undefined);
    roles.refuseUnknown(mark.accountId, [role, ...otherRoles]);
    const { passwordHash } = credentials;
    const { accountId, now: createdAt } = mark;
    insertUser({ ...present(given), id, accountId, role, otherRoles, passwordHash, createdAt });
    replaceMetadata(id, metadata ?? [], createdAt);
    writeCredentials(id, credentials, createdAt);
  }

  /** Returns whether anything was different. */
  function change(row: UserRow, user: ImportedUser, now: number): boolean {
    const { credentials: _, metadata, roles: _roles, id: _id, ...given } = user;
    const changes = differing(row, { ...given, ...givenRoles(user, row), emailKey: foldCase(user.email) });
    roles.refuseUnknown(row.accountId, [changes.role ?? [], changes.otherRoles ?? []].flat());
    const metadataChanged = metadata !== undefined && replaceMetadata(row.id, metadata, now);
    if (isEmpty(changes) && !metadataChanged) return false;
    db.update(users)
      .set({ ...changes, updatedAt: now })
      .where(eq(users.id, row.id))
      .run();
    if (changes.status === "suspended") endSessions(row.id, "user-suspended", now);
    return true;
  }

  return (user, mark) =>
    write(() => {
      const { accountId, newId, now } = mark;
      const found = finder.find(accountId, { kind: "user", id: user.id, name: user.email });
      finder.refuseUnknown(accountId, "organization", user.organizationId);
      finder.refuseUnknown(accountId, "reseller", user.resellerId);
      const id = found ?? user.id ?? newId;
      const row = byId.get({ id });
      if (row === undefined) {
        create(id, user, mark);
        return audited({ kind: "user", id }, "created", mark);
      }
      if (!change(row, user, now)) return { kind: "unchanged", id };
      return audited({ kind: "user", id }, "updated", mark);
    });
}

/** `role` and the others that result from what a line gives; nothing where it gives neither. */
function givenRoles(
  { role, roles }: ImportedUser,
  row: UserRow | undefined,
): { role?: string; otherRoles?: string[] } {
  if (role === undefined && roles === undefined) return {};
  const first = role ?? roles?.[0] ?? "user";
  const others = roles ?? row?.otherRoles ?? [];
  return { role: first, otherRoles: [...new Set(others)].filter((other) => other !== first) };
}

/** Without the fields that are undefined, which would otherwise stand in the way of defaults. */
function present<Fields extends object>(
  fields: Fields,
): { [Field in keyof Fields]: Exclude<Fields[Field], undefined> };
function present(fields: object): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function credentialsWriter({ db }: Connection) {
  return (userId: string, credentials: ImportedCredentials, now: number): void => {
    if (credentials.twoFactor === null) return;
    const { sealedSecret, recoveryCodeHashes } = credentials.twoFactor;
    db.insert(twoFactor)
      .values({ userId, secret: Buffer.from(sealedSecret), lastAcceptedStep: 0, enabledAt: now })
      .run();
    for (const hash of recoveryCodeHashes) {
      // Two spellings of one code are one.
      db.insert(recoveryCodes)
        .values({ userId, codeHash: Buffer.from(hash), createdAt: now })
        .onConflictDoNothing()
        .run();
    }
  };
}

/**
 * Makes a user's metadata what the line says, keeping the rows of keys that stay. Returns whether anything was
 * different.
 */
function metadataReplacer({ db }: Connection) {
  const ofUser = db
    .select()
    .from(userMetadata)
    .where(eq(userMetadata.userId, sql.placeholder("userId")))
    .prepare();
  return (userId: string, wanted: readonly ImportedMetadata[], now: number): boolean => {
    const rows = ofUser.all({ userId });
    let changed = false;
    for (const { newId, ...given } of wanted) {
      const row = rows.find(({ key }) => key === given.key);
      const changes = row === undefined ? given : differing(row, given);
      if (isEmpty(changes)) continue;
      changed = true;
      if (row === undefined) {
        db.insert(userMetadata)
          .values({ id: newId, userId, ...given, createdAt: now, updatedAt: now })
          .run();
      } else {
        db.update(userMetadata)
          .set({ ...changes, updatedAt: now })
          .where(eq(userMetadata.id, row.id))
          .run();
      }
    }
    for (const row of rows) {
      if (wanted.some(({ key }) => key === row.key)) continue;
      changed = true;
      db.delete(userMetadata).where(eq(userMetadata.id, row.id)).run();
    }
    return changed;
  };
}
