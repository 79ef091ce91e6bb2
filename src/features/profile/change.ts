import { ApiError, apiError } from "../../lib/errors.ts";
import { newId } from "../../lib/ids.ts";
import { foldCase } from "../../lib/text.ts";
import type { RequestOrigin } from "../audit/model.ts";
import { confirmEnrolment, type EnrolDeps, turnOff } from "../enrolment/enrol.ts";
import { demandFreshProof } from "../enrolment/fresh-proof.ts";
import type { Verified } from "../login/attempt.ts";
import { loginIdentity } from "../login/identity.ts";
import type { SecondFactor } from "../login/login.ts";
import { withProvenPassword } from "../login/prove-password.ts";
import type { UserDeps } from "../users/create.ts";
import type { ProfileChanges, User } from "../users/model.ts";
import { setPassword } from "../users/set-password.ts";

export type ProfileDeps = EnrolDeps & {
  users: UserDeps;
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

/** What is asked of a profile: changes, the second factor on or off (null: as it is), and what proves the user anew. */
export type ProfileRequest = {
  changes: ProfileChanges;
  twoFactorEnabled: boolean | null;
  credentials: SecondFactor & { password: string | null };
};

/**
 * Changes a user's own names, company, preferences, e-mail or second factor. The e-mail needs the password; it and
 * turning the second factor on or off need a recent proof. Throws CONFLICT when the e-mail is taken,
 * REAUTHENTICATION_REQUIRED, or what a login throws for wrong credentials.
 */
export async function changeProfile(deps: ProfileDeps, self: Self, request: ProfileRequest): Promise<User> {
  const user = await existingUser(deps, self);
  const { changes, credentials } = request;
  const newEmail = changes.email !== undefined && changes.email !== user.email;
  const secondFactor = secondFactorChange(user, request);
  if (newEmail && secondFactor !== null)
    throw refused("/twoFactorEnabled", "is changed in a request of its own, apart from the e-mail address");
  if (newEmail && credentials.password === null)
    throw refused("/password", "is needed to change the e-mail address");
  if (!newEmail && secondFactor === null) return update(deps, self, user, changes);
  // A code that confirms a pending secret is not one of the active secret: it proves nothing but itself.
  const proofs = secondFactor === "on" ? { ...credentials, twoFactorCode: null } : credentials;
  const { spent } = await demandFreshProof(deps, { ...self, user, credentials: proofs });
  // First what may be refused: a request that is answered with an error has changed nothing.
  if (secondFactor === "on") await confirmEnrolment(deps, { ...self, user }, credentials.twoFactorCode);
  if (secondFactor === "off") await turnOff(deps, { ...self, user }, credentials, spent);
  return newEmail && credentials.password !== null
    ? updateProved(deps, self, user, changes, credentials.password)
    : update(deps, self, user, changes);
}

/**
 * What is asked of the second factor; null where it is so already. To say "on" without a code is no wish for another
 * secret: some clients send all they know.
 */
function secondFactorChange(
  user: User,
  { twoFactorEnabled, credentials }: ProfileRequest,
): "on" | "off" | null {
  if (twoFactorEnabled === null) return null;
  if (twoFactorEnabled) return user.twoFactorEnabled && credentials.twoFactorCode === null ? null : "on";
  return user.twoFactorEnabled ? "off" : null;
}

function refused(path: string, message: string): ApiError {
  return new ApiError("INVALID_REQUEST", `${path.slice(1)} ${message}.`, { errors: [{ path, message }] });
}

function updateProved(
  deps: ProfileDeps,
  self: Self,
  user: User,
  changes: ProfileChanges,
  password: string,
): Promise<User> {
  return withProvenPassword(deps.attempts, { ...self, email: user.email, password }, (proved) =>
    update(deps, self, user, changes, provedVersionOf(proved, user)),
  );
}

/**
 * The password is tried by e-mail address, which may have been given to another user meanwhile. Throws
 * INVALID_CREDENTIALS.
 */
function provedVersionOf(proved: Verified, user: User): number {
  if (proved.user.id !== user.id) throw apiError("INVALID_CREDENTIALS");
  return proved.user.passwordVersion;
}

function identitiesOf({ attempts: { secrets } }: ProfileDeps, { accountId, email }: User, newEmail: string) {
  const identity = (address: string) => loginIdentity(secrets, { found: accountId }, address);
  return foldCase(email) === foldCase(newEmail)
    ? undefined
    : { from: identity(email), to: identity(newEmail) };
}

/** Writes the changes and answers the user as it is then, also where there are none. */
async function update(
  deps: ProfileDeps,
  self: Self,
  user: User,
  changes: ProfileChanges,
  provedVersion?: number,
): Promise<User> {
  if (Object.keys(changes).length === 0) return existingUser(deps, self);
  const { store, clock, random } = deps.users;
  const at = clock.now();
  const { id, accountId } = user;
  const identities = changes.email === undefined ? undefined : identitiesOf(deps, user, changes.email);
  const updated = await store.updateProfile({ id, accountId, provedVersion, identities }, changes, {
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
 * Changes a user's own password and ends all its other sessions. A wrong old one counts in the lock. Throws
 * INVALID_CREDENTIALS, WEAK_PASSWORD, LOGIN_TEMPORARILY_LOCKED or SERVER_BUSY.
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
      provedVersion: provedVersionOf(proved, user),
      inTurn: run,
    }),
  );
  await deps.passwordChanged(user);
}

/**
 * Confirms the second factor of somebody who must have one before the first login: all that an enrolment ticket may
 * do here.
 */
export async function enrolByTicket(
  deps: ProfileDeps,
  { accountId, userId, from, signal }: Omit<Self, "sessionId">,
  request: ProfileRequest,
): Promise<User> {
  const onlyEnrols = request.twoFactorEnabled === true && Object.keys(request.changes).length === 0;
  if (!onlyEnrols)
    throw new ApiError("FORBIDDEN", "An enrolment token is for turning on two-factor authentication alone.");
  const user = await existingUser(deps, { accountId, userId });
  return confirmEnrolment(deps, { user, sessionId: null, from, signal }, request.credentials.twoFactorCode);
}

async function existingUser(
  { users }: ProfileDeps,
  { accountId, userId }: Pick<Self, "accountId" | "userId">,
): Promise<User> {
  const user = await users.store.findUser(accountId, userId);
  if (user === undefined) throw apiError("UNAUTHENTICATED");
  return user;
}
