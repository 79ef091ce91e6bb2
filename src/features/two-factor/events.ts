import { isoTime } from "../../lib/clock.ts";
import { type User, userJson } from "../users/model.ts";

/** The body of `two-factor.enabled` or `two-factor.disabled`: the user as it is now. */
export function twoFactorChangedEvent(
  event: "two-factor.enabled" | "two-factor.disabled",
  user: User,
  triggeredAt: number,
): string {
  return JSON.stringify({ event, data: userJson(user), triggeredAt: isoTime(triggeredAt) });
}

/** The body of `two-factor.recovery-code-used`: the user, and how many codes are left. */
export function recoveryCodeUsedEvent(user: User, recoveryCodesLeft: number, triggeredAt: number): string {
  const data = { user: userJson(user), recoveryCodesLeft };
  return JSON.stringify({ event: "two-factor.recovery-code-used", data, triggeredAt: isoTime(triggeredAt) });
}
