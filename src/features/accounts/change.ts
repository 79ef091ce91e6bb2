import { newId } from "../../lib/ids.ts";
import { type AuditAction, type AuditDetails, type AuditEntry, noRequest } from "../audit/model.ts";
import type { AccountDeps } from "./create.ts";
import type { Account, AccountStatus, TwoFactorRequirement } from "./model.ts";

/**
 * Suspends an account, whose users then can neither log in nor refresh, or resumes it. Nothing happens if it is so
 * already.
 */
export function setAccountStatus(
  deps: AccountDeps,
  account: Account,
  status: AccountStatus,
): Promise<Account> {
  const action = status === "suspended" ? "account.suspended" : "account.resumed";
  return deps.store.setAccountStatus(account.id, status, entry(deps, account, action, {}));
}

/** Says whose users must have a second factor from their next login on. Throws INVALID_REQUEST for an unknown role. */
export function requireTwoFactor(
  deps: AccountDeps,
  account: Account,
  requirement: TwoFactorRequirement,
): Promise<Account> {
  const details = { required: typeof requirement === "string" ? requirement : requirement.join(" ") };
  const audit = entry(deps, account, "account.two-factor-requirement-changed", details);
  return deps.store.requireTwoFactor(account.id, requirement, audit);
}

function entry(
  { clock, random }: AccountDeps,
  account: Account,
  action: AuditAction,
  details: AuditDetails,
): AuditEntry {
  const now = clock.now();
  return {
    id: newId(random, now),
    accountId: account.id,
    at: now,
    action,
    actor: "operator",
    target: { kind: "account", id: account.id },
    from: noRequest,
    details,
  };
}
