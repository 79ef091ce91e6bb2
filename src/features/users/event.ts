import { isoTime } from "../../lib/clock.ts";
import { type User, userJson } from "./model.ts";

/** The body of `user.updated`: the user as it is now. */
export function userUpdatedEvent(user: User, triggeredAt: number): string {
  return JSON.stringify({ event: "user.updated", data: userJson(user), triggeredAt: isoTime(triggeredAt) });
}
