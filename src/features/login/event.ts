import { isoTime } from "../../lib/clock.ts";
import { type User, userJson } from "../users/model.ts";

/**
 * The body of `account.logged-in`, rendered once: every attempt sends these bytes. `user` carries this login's own
 * times.
 */
export function loggedInEvent(user: User, triggeredAt: number): string {
  return JSON.stringify({
    event: "account.logged-in",
    data: userJson(user),
    triggeredAt: isoTime(triggeredAt),
  });
}
