import { and, eq, sql } from "drizzle-orm";
import { builtInRoles } from "../../features/users/model.ts";
import { ApiError } from "../../lib/errors.ts";
import type { Connection } from "./open.ts";
import { roles } from "./schema.ts";

export type RoleTable = {
  /** Whether an account has this role: built-in, or one of its own. */
  has(accountId: string, role: string): boolean;
  /** Throws INVALID_REQUEST, naming the first role that the account lacks. */
  refuseUnknown(accountId: string, names: readonly string[]): void;
};

/** The roles of accounts. Used inside transactions; opens none. */
export function roleTable({ db }: Connection): RoleTable {
  const own = db
    .select({ name: roles.name })
    .from(roles)
    .where(and(eq(roles.accountId, sql.placeholder("accountId")), eq(roles.name, sql.placeholder("name"))))
    .prepare();
  const has = (accountId: string, role: string) =>
    builtInRoles.some((builtIn) => builtIn === role) || own.get({ accountId, name: role }) !== undefined;
  return {
    has,
    refuseUnknown(accountId, names) {
      const unknown = names.find((name) => !has(accountId, name));
      if (unknown === undefined) return;
      throw new ApiError(
        "INVALID_REQUEST",
        `The account has no role ${unknown}: use ${builtInRoles.join(", ")}, or import the role first.`,
      );
    },
  };
}
