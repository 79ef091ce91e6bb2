import { and, asc, eq, gt, sql } from "drizzle-orm";
import { alias } from "drizzle-orm/sqlite-core";
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

/** Reads users with everything that belongs to them: one joined row and their metadata. Both by index, both prepared. */
export function userReader({ db }: Connection): UserReader {
  const organizationReseller = alias(resellers, "organization_reseller");
  const joined = () =>
    db
      .select({
        user: users,
        organization: organizations,
        organizationReseller,
        reseller: resellers,
        twoFactorEnabledAt: twoFactor.enabledAt,
      })
      .from(users)
      .leftJoin(organizations, eq(organizations.id, users.organizationId))
      .leftJoin(organizationReseller, eq(organizationReseller.id, organizations.resellerId))
      .leftJoin(resellers, eq(resellers.id, users.resellerId))
      .leftJoin(twoFactor, eq(twoFactor.userId, users.id));
  const inAccount = eq(users.accountId, sql.placeholder("accountId"));
  const byId = joined()
    .where(and(inAccount, eq(users.id, sql.placeholder("userId"))))
    .prepare();
  const byEmail = joined()
    .where(and(inAccount, eq(users.emailKey, sql.placeholder("emailKey"))))
    .prepare();
  const page = joined()
    .where(and(inAccount, gt(users.id, sql.placeholder("afterId"))))
    .orderBy(asc(users.id))
    .limit(sql.placeholder("limit"))
    .prepare();
  const metadataOf = db
    .select()
    .from(userMetadata)
    .where(eq(userMetadata.userId, sql.placeholder("userId")))
    .orderBy(asc(userMetadata.createdAt), asc(userMetadata.id))
    .prepare();

  type Row = NonNullable<ReturnType<typeof byId.get>>;
  const toUser = (row: Row): User => ({
    ...row.user,
    twoFactorEnabled: row.twoFactorEnabledAt !== null,
    organization:
      row.organization === null ? null : toOrganization(row.organization, row.organizationReseller),
    reseller: row.reseller,
    metadata: metadataOf.all({ userId: row.user.id }),
  });
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
