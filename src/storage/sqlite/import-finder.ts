import type { RecordKey } from "../../features/import/store.ts";
import { ApiError } from "../../lib/errors.ts";
import { foldCase } from "../../lib/text.ts";
import type { Connection } from "./open.ts";
import type { RoleTable } from "./roles.ts";

/** Which table holds a kind, and the column by which a record without an id is found. */
const places = {
  reseller: { table: "resellers", column: "name" },
  organization: { table: "organizations", column: "name" },
  user: { table: "users", column: "email_key" },
  webhook: { table: "webhooks", column: "name" },
} as const;

type KeptKind = keyof typeof places;

export type ImportFinder = {
  /**
   * The id of the record that a line means; undefined when it is new. Throws CONFLICT when the id belongs to another
   * account, the e-mail to another user, or the name to several records.
   */
  find(accountId: string, key: RecordKey): string | undefined;
  /** Whether the account has the record that a reference names. */
  has(accountId: string, kind: "reseller" | "organization" | "role", id: string): boolean;
  /** Throws INVALID_REQUEST for a reference that leads nowhere: the record was removed since the file was checked. */
  refuseUnknown(accountId: string, kind: "reseller" | "organization", id: string | null | undefined): void;
};

/** Finds what import lines name. Used inside transactions; opens none. */
export function importFinder({ raw }: Connection, roles: RoleTable): ImportFinder {
  const statements = ({ table, column }: (typeof places)[KeptKind]) => ({
    owner: raw.prepare<{ account_id: string }, [string]>(`SELECT account_id FROM ${table} WHERE id = ?`),
    named: raw.prepare<{ id: string }, [string, string]>(
      `SELECT id FROM ${table} WHERE account_id = ? AND ${column} = ? LIMIT 2`,
    ),
  });
  const of = {
    reseller: statements(places.reseller),
    organization: statements(places.organization),
    user: statements(places.user),
    webhook: statements(places.webhook),
  };

  function findById(accountId: string, kind: KeptKind, id: string): string | undefined {
    const owner = of[kind].owner.get(id);
    if (owner === null) return undefined;
    if (owner.account_id !== accountId) {
      throw new ApiError("CONFLICT", `id: the id ${id} belongs to another account`);
    }
    return id;
  }

  function findUser(accountId: string, id: string | null, email: string): string | undefined {
    const holder = of.user.named.get(accountId, foldCase(email))?.id;
    if (id === null) return holder;
    const found = findById(accountId, "user", id);
    if (holder !== undefined && holder !== id) {
      throw new ApiError("CONFLICT", `email: the user ${holder} of the account has this e-mail address`);
    }
    return found;
  }

  function findNamed(accountId: string, kind: Exclude<KeptKind, "user">, name: string): string | undefined {
    const [first, second] = of[kind].named.all(accountId, name);
    if (second !== undefined) {
      throw new ApiError("CONFLICT", `name: the account has several with this name, so the line needs an id`);
    }
    return first?.id;
  }

  const has: ImportFinder["has"] = (accountId, kind, id) =>
    kind === "role" ? roles.has(accountId, id) : of[kind].owner.get(id)?.account_id === accountId;

  return {
    has,
    refuseUnknown(accountId, kind, id) {
      if (id === null || id === undefined || has(accountId, kind, id)) return;
      throw new ApiError("INVALID_REQUEST", `the account has no ${kind} ${id}`);
    },
    find(accountId, { kind, id, name }) {
      if (kind === "role") return roles.has(accountId, name) ? name : undefined;
      if (kind === "user") return findUser(accountId, id, name);
      return id === null ? findNamed(accountId, kind, name) : findById(accountId, kind, id);
    },
  };
}
