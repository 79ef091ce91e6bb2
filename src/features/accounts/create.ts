import type { Clock } from "../../lib/clock.ts";
import { newId } from "../../lib/ids.ts";
import type { Random } from "../../lib/random.ts";
import { type AuditEntry, noRequest } from "../audit/model.ts";
import { type Account, checkNewAccount } from "./model.ts";
import type { AccountStore } from "./store.ts";

export type AccountDeps = { store: AccountStore; clock: Clock; random: Random };

export type NewAccountRequest = {
  /** An id of the caller's choice: desktop clients carry theirs in their configuration. */
  id?: string | undefined;
  alias: string;
  company: string;
  actor: AuditEntry["actor"];
};

/**
 * Makes an account. `needsNaming`: it is the second one, so from now on a login must say which account it means.
 * Throws INVALID_REQUEST for a bad id, alias or company, CONFLICT when the id or alias is taken.
 */
export async function createAccount(
  { store, clock, random }: AccountDeps,
  { id: wantedId, alias, company, actor }: NewAccountRequest,
): Promise<{ account: Account; needsNaming: boolean }> {
  const now = clock.now();
  const id = wantedId ?? newId(random, now);
  checkNewAccount({ id, alias, company });
  const account: Account = {
    id,
    alias,
    company,
    status: "active",
    requireTwoFactor: "none",
    createdAt: now,
    updatedAt: now,
  };
  const { accounts } = await store.createAccount(account, {
    id: newId(random, now),
    accountId: id,
    at: now,
    action: "account.created",
    actor,
    target: { kind: "account", id },
    from: noRequest,
    details: { alias },
  });
  return { account, needsNaming: accounts === 2 };
}
