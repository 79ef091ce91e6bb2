import { newId } from "../../lib/ids.ts";
import { noRequest } from "../audit/model.ts";
import type { UserDeps } from "./create.ts";
import type { User, UserStatus } from "./model.ts";

/**
 * Suspends a user, whose sessions end, or resumes it. Nothing happens if it is so already. Returns the user after the
 * change.
 */
export function setUserStatus(
  { store, clock, random }: Pick<UserDeps, "store" | "clock" | "random">,
  user: User,
  status: UserStatus,
): Promise<User> {
  const now = clock.now();
  return store.setUserStatus(user, status, {
    id: newId(random, now),
    accountId: user.accountId,
    at: now,
    action: status === "suspended" ? "user.suspended" : "user.resumed",
    actor: "operator",
    target: { kind: "user", id: user.id },
    from: noRequest,
    details: {},
  });
}
