import { and, asc, count, eq, gt, ne, or, sql } from "drizzle-orm";
import type { Account } from "../../features/accounts/model.ts";
import type { AccountStore } from "../../features/accounts/store.ts";
import type { AuditEntry } from "../../features/audit/model.ts";
import { ApiError } from "../../lib/errors.ts";
import { foldCase } from "../../lib/text.ts";
import { auditWriter } from "./audit.ts";
import type { Connection } from "./open.ts";
import { roleTable } from "./roles.ts";
import { accounts } from "./schema.ts";
import { userWriter } from "./user-writer.ts";

/** The answers to `features/accounts/store.ts`. */
export function accountStore(connection: Connection): AccountStore {
  const { db, write } = connection;
  const writeAudit = auditWriter(connection);
  const roles = roleTable(connection);
  const insertUser = userWriter(connection);
  const byId = db
    .select()
    .from(accounts)
    .where(eq(accounts.id, sql.placeholder("id")))
    .prepare();
  const byAlias = db
    .select()
    .from(accounts)
    .where(eq(accounts.aliasKey, sql.placeholder("aliasKey")))
    .prepare();
  const find = (reference: string) =>
    toAccount(byId.get({ id: reference }) ?? byAlias.get({ aliasKey: foldCase(reference) }));

  /** An id and an alias share one space, since `ACCOUNT` names either: nobody's alias may be another's id. */
  function refuseTaken({ id, alias }: Account): void {
    const taken = db
      .select({ id: accounts.id })
      .from(accounts)
      .where(
        or(
          sql`lower(${accounts.id}) IN (${foldCase(id)}, ${foldCase(alias)})`,
          eq(accounts.aliasKey, foldCase(alias)),
          eq(accounts.aliasKey, foldCase(id)),
        ),
      )
      .get();
    if (taken === undefined) return;
    const what = foldCase(taken.id) === foldCase(id) ? `id ${id}` : `alias ${alias}`;
    throw new ApiError("CONFLICT", `The ${what} is taken: another account has it as its id or alias.`);
  }

  function change(
    accountId: string,
    values: Partial<typeof accounts.$inferInsert>,
    differs: ReturnType<typeof ne>,
    audit: AuditEntry,
  ): Account {
    const changed = db
      .update(accounts)
      .set({ ...values, updatedAt: audit.at })
      .where(and(eq(accounts.id, accountId), differs))
      .returning({ id: accounts.id })
      .all();
    if (changed.length > 0) writeAudit(audit);
    const account = find(accountId);
    if (account === undefined) throw new ApiError("NOT_FOUND", "This account no longer exists.");
    return account;
  }

  const insert = (account: Account) =>
    db
      .insert(accounts)
      .values({ ...account, aliasKey: foldCase(account.alias) })
      .run();

  return {
    createFirstAccount: (account, user, audits) =>
      write(() => {
        const existing = db.select({ id: accounts.id }).from(accounts).limit(1).get();
        if (existing !== undefined) return false;
        insert(account);
        insertUser({ ...user, accountId: account.id, createdAt: account.createdAt });
        for (const audit of audits) writeAudit(audit);
        return true;
      }),
    createAccount: (account, audit) =>
      write(() => {
        refuseTaken(account);
        insert(account);
        writeAudit(audit);
        return { accounts: db.select({ count: count() }).from(accounts).get()?.count ?? 0 };
      }),
    listAccounts: async ({ afterId, limit }) =>
      db
        .select()
        .from(accounts)
        .where(gt(accounts.id, afterId))
        .orderBy(asc(accounts.id))
        .limit(limit)
        .all()
        .map((row) => toAccount(row)),
    findAccount: async (reference) => find(reference),
    setAccountStatus: (accountId, status, audit) =>
      write(() => change(accountId, { status }, ne(accounts.status, status), audit)),
    requireTwoFactor: (accountId, requireTwoFactor, audit) =>
      write(() => {
        if (Array.isArray(requireTwoFactor)) roles.refuseUnknown(accountId, requireTwoFactor);
        return change(
          accountId,
          { requireTwoFactor },
          ne(accounts.requireTwoFactor, requireTwoFactor),
          audit,
        );
      }),
  };
}

function toAccount(row: typeof accounts.$inferSelect): Account;
function toAccount(row: typeof accounts.$inferSelect | undefined): Account | undefined;
function toAccount(row: typeof accounts.$inferSelect | undefined): Account | undefined {
  if (row === undefined) return undefined;
  const { aliasKey: _, ...account } = row;
  return account;
}
