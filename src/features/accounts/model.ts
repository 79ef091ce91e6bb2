import { isoTime } from "../../lib/clock.ts";
import { ApiError } from "../../lib/errors.ts";
import { idPattern } from "../../lib/ids.ts";
import { codePointLength } from "../../lib/text.ts";

export type AccountStatus = "active" | "suspended";

/** Whose users must have a second factor: nobody, everybody, or the holders of the named roles. */
export type TwoFactorRequirement = "none" | "all" | string[];

export type Account = {
  id: string;
  alias: string;
  company: string;
  status: AccountStatus;
  requireTwoFactor: TwoFactorRequirement;
  createdAt: number;
  updatedAt: number;
};

/** An account as the API and `--json` show it. */
export function accountJson(account: Account) {
  return {
    id: account.id,
    alias: account.alias,
    company: account.company,
    status: account.status,
    requireTwoFactor: account.requireTwoFactor,
    createdAt: isoTime(account.createdAt),
    updatedAt: isoTime(account.updatedAt),
  };
}

/** Letters, digits, dots, dashes and underscores: what survives every shell, URL and configuration file unquoted. */
const aliasPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,255}$/;

/** Refuses an id, alias or company that breaks its bound. Throws INVALID_REQUEST. */
export function checkNewAccount({
  id,
  alias,
  company,
}: {
  id: string;
  alias: string;
  company: string;
}): void {
  if (!idPattern.test(id)) {
    throw new ApiError("INVALID_REQUEST", "An account's id is 1 to 36 letters, digits and dashes.");
  }
  if (!aliasPattern.test(alias)) {
    throw new ApiError(
      "INVALID_REQUEST",
      "An alias is 1 to 256 letters, digits, dots, dashes and underscores, and begins with a letter or a digit.",
    );
  }
  if (codePointLength(company) > 256)
    throw new ApiError("INVALID_REQUEST", "A company has at most 256 characters.");
}
