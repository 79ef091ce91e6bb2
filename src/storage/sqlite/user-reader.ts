import { and, asc, eq, getTableColumns, gt, sql } from "drizzle-orm";
import type { Organization } from "../../features/organizations/model.ts";
import type { Reseller } from "../../features/resellers/model.ts";
import type { User } from "../../features/users/model.ts";
import type { Connection } from "./open.ts";
import { organizations, resellers, twoFactor, userMetadata, users } from "./schema.ts";

export type UserReader = {
  byId(accountId: string, userId: string): User | undefined;
  byEmail(accountId: string, emailKey: string): User | undefined;
  page(accountId: string, afterId: string, limit: number): User[];
};

/**
 * Reads users with everything that belongs to them, each part by index and prepared. An organization and resellers
 * are read only where the user has some: joined in, they made the commonest user, who has none, four times as dear,
 * in every login.
 */
export function userReader({ db }: Connection): UserReader {
  const {
    emailKey: _emailKey,
    passwordHash: _hash,
    passwordVersion: _version,
    ...shown
  } = getTableColumns(users);
  const selected = () =>
    db
      .select({ ...shown, twoFactorEnabledAt: twoFactor.enabledAt })
      .from(users)
      .leftJoin(twoFactor, eq(twoFactor.userId, users.id));
  const inAccount = eq(users.accountId, sql.placeholder("accountId"));
  const byId = selected()
    .where(and(inAccount, eq(users.id, sql.placeholder("userId"))))
    .prepare();
  const byEmail = selected()
    .where(and(inAccount, eq(users.emailKey, sql.placeholder("emailKey"))))
    .prepare();
  const page = selected()
    .where(and(inAccount, gt(users.id, sql.placeholder("afterId"))))
    .orderBy(asc(users.id))
    .limit(sql.placeholder("limit"))
    .prepare();
  const organization = db
    .select({ organization: organizations, reseller: resellers })
    .from(organizations)
    .leftJoin(resellers, eq(resellers.id, organizations.resellerId))
    .where(eq(organizations.id, sql.placeholder("id")))
    .prepare();
  const reseller = db
    .select()
    .from(resellers)
    .where(eq(resellers.id, sql.placeholder("id")))
    .prepare();
  const metadataOf = db
    .select()
    .from(userMetadata)
    .where(eq(userMetadata.userId, sql.placeholder("userId")))
    .orderBy(asc(userMetadata.createdAt), asc(userMetadata.id))
    .prepare();

  function organizationOf(id: string | null): Organization | null {
    const row = id === null ? undefined : organization.get({ id });
    return row === undefined ? null : toOrganization(row.organization, row.reseller);
  }

  type Row = NonNullable<ReturnType<typeof byId.get>>;
  function toUser({ twoFactorEnabledAt, organizationId, resellerId, ...user }: Row): User {
    return {
      ...user,
      twoFactorEnabled: twoFactorEnabledAt !== null,
      organization: organizationOf(organizationId),
      reseller: resellerId === null ? null : (reseller.get({ id: resellerId }) ?? null),
      metadata: metadataOf.all({ userId: user.id }),
    };
  }

  const orUndefined = (row: Row | undefined) => (row === undefined ? undefined : toUser(row));
  return {
    byId: (accountId, userId) => orUndefined(byId.get({ accountId, userId })),
    byEmail: (accountId, emailKey) => orUndefined(byEmail.get({ accountId, emailKey })),
    page: (accountId, afterId, limit) => page.all({ accountId, afterId, limit }).map(toUser),
  };
}

function toOrganization(row: typeof organizations.$inferSelect, reseller: Reseller | null): Organization {
  const { addressLine1, addressLine2, city, state, country, postalCode, resellerId: _, ...rest } = row;
  return { ...rest, address: { addressLine1, addressLine2, city, state, country, postalCode }, reseller };
}
