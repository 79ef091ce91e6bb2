import { ApiError, apiError } from "../../lib/errors.ts";
import { newId } from "../../lib/ids.ts";
import type { RequestOrigin } from "../audit/model.ts";
import type { AttemptDeps } from "../login/attempt.ts";
import { withProvenPassword } from "../login/prove-password.ts";
import type { UserDeps } from "../users/create.ts";
import type { ProfileChanges, User } from "../users/model.ts";
import { setPassword } from "../users/set-password.ts";

export type ProfileDeps = {
  users: UserDeps;
  attempts: AttemptDeps;
  /** Called when a user's password was changed: what the first run left for the operator is no longer true. */
  passwordChanged(user: User): Promise<void>;
};

/** Who changes something, and from where. */
export type Self = {
  accountId: string;
  userId: string;
  sessionId: string;
  from: RequestOrigin;
  signal: AbortSignal;
};

/** Changes a user's own names, company, preferences or e-mail, the last with the password only. Throws CONFLICT when the e-mail is taken. */
export async function changeProfile(
  deps: ProfileDeps,
  self: Self,
  changes: ProfileChanges,
  password: string | null,
): Promise<User> {
  const user = await existingUser(deps, self);
  if (changes.email !== undefined && changes.email !== user.email) {
    if (password === null) {
      const message = "is needed to change the e-mail address";
      throw new ApiError("INVALID_REQUEST", `password ${message}.`, {
        errors: [{ path: "/password", message }],
      });
    }
    return withProvenPassword(deps.attempts, { ...self, email: user.email, password }, (proved) =>
      update(deps, self, user, changes, proved.user.passwordVersion),
    );
  }
  return Object.keys(changes).length === 0 ? user : update(deps, self, user, changes);
}

async function update(
  { users: { store, clock, random } }: ProfileDeps,
  self: Self,
  user: User,
  changes: ProfileChanges,
  provedVersion?: number,
): Promise<User> {
  const at = clock.now();
  const updated = await store.updateProfile({ ...user, provedVersion }, changes, {
    id: newId(random, at),
    accountId: user.accountId,
    at,
    action: "user.profile-changed",
    actor: "user",
    target: { kind: "user", id: user.id },
    from: self.from,
    details: { changed: Object.keys(changes).join(" ") },
  });
  if (updated === undefined) throw apiError("INVALID_CREDENTIALS");
  return updated;
}

/**
 * Changes a user's own password and ends all its other sessions. A wrong old one counts in the lock. Throws INVALID_CREDENTIALS, WEAK_PASSWORD,
 * LOGIN_TEMPORARILY_LOCKED or SERVER_BUSY.
 */
export async function changePassword(
  deps: ProfileDeps,
  self: Self,
  { oldPassword, newPassword }: { oldPassword: string; newPassword: string },
): Promise<void> {
  const user = await existingUser(deps, self);
  const proof = { ...self, email: user.email, password: oldPassword };
  await withProvenPassword(deps.attempts, proof, (proved, { run }) =>
    setPassword(deps.users, {
      user,
      password: newPassword,
      actor: "user",
      from: self.from,
      keepSession: self.sessionId,
      provedVersion: proved.user.passwordVersion,
      inTurn: run,
    }),
  );
  await deps.passwordChanged(user);
}

async function existingUser({ users }: ProfileDeps, { accountId, userId }: Self): Promise<User> {
  const user = await users.store.findUser(accountId, userId);
  if (user === undefined) throw apiError("UNAUTHENTICATED");
  return user;
}
