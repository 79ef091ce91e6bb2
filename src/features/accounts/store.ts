import type { AuditEntry } from "../audit/model.ts";
import type { Account, AccountStatus, TwoFactorRequirement } from "./model.ts";

/** The user that the first run makes beside its account. */
export type FirstUser = { id: string; email: string; role: string; passwordHash: string };

export type AccountStore = {
  /** The first run: makes the account and its first user, unless there is an account already. Says whether it did. */
  createFirstAccount(account: Account, user: FirstUser, audits: AuditEntry[]): Promise<boolean>;
  /**
   * Returns how many accounts there are now. Throws CONFLICT when the id or the alias is taken, or one equals another
   * account's other.
   */
  createAccount(account: Account, audit: AuditEntry): Promise<{ accounts: number }>;
  /** Accounts in the order of their ids, a page at a time: those after `afterId`. */
  listAccounts(page: { afterId: string; limit: number }): Promise<Account[]>;
  /** By id, else by alias without regard to case: no alias equals another account's id. */
  findAccount(reference: string): Promise<Account | undefined>;
  /**
   * Returns the account after the change. One that has this status already is left alone: no audit entry, no new
   * time.
   */
  setAccountStatus(accountId: string, status: AccountStatus, audit: AuditEntry): Promise<Account>;
  /** As above. Throws INVALID_REQUEST when the account has no such role. */
  requireTwoFactor(accountId: string, requirement: TwoFactorRequirement, audit: AuditEntry): Promise<Account>;
};
