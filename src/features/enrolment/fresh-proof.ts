import { apiError } from "../../lib/errors.ts";
import { newEventId, newId } from "../../lib/ids.ts";
import type { RequestOrigin } from "../audit/model.ts";
import { type Attempt, type AttemptDeps, checkPassword, withAttempt } from "../login/attempt.ts";
import { checkSecondFactor, type SecondFactor } from "../login/login.ts";
import type { User } from "../users/model.ts";
import type { EnrolmentStore } from "./store.ts";

/** How long a login counts as a recent proof of who somebody is: 15 min, as enrolment tickets do. */
export const freshProofMs = 15 * 60_000;

export type FreshProofDeps = { store: EnrolmentStore; attempts: AttemptDeps };

/** Who asks for something that changes how it logs in, and what it brought to prove itself anew. */
export type Asker = {
  user: User;
  sessionId: string;
  from: RequestOrigin;
  signal: AbortSignal;
  credentials: SecondFactor & { password: string | null };
};

/**
 * Demands a recent proof: a session whose login, with the second factor where its user has one, is not older than 15
 * min; or the password and the second factor in the request, which are then spent and make the session recent. A
 * stolen access token must not be enough to take an account over. What is tried here counts in the login's lock. Says
 * whether the request's second factor was spent by this. Throws REAUTHENTICATION_REQUIRED, or what a login throws.
 */
export async function demandFreshProof(deps: FreshProofDeps, asker: Asker): Promise<{ spent: boolean }> {
  if (await isFresh(deps, asker)) return { spent: false };
  const { password } = asker.credentials;
  if (password === null) throw apiError("REAUTHENTICATION_REQUIRED");
  return reauthenticate(deps, asker, password);
}

async function isFresh(
  { store, attempts: { clock } }: FreshProofDeps,
  { user, sessionId }: Asker,
): Promise<boolean> {
  const proof = await store.findSessionProof(sessionId);
  if (proof === undefined) return false;
  // Both ways: a clock that was set back must not keep an old login recent for as long as it went back.
  const age = Math.abs(clock.now() - proof.provedAt);
  return age <= freshProofMs && (proof.secondFactor || !user.twoFactorEnabled);
}

/**
 * The user whose credentials an attempt would try. Attempts find it by its e-mail address, which another request may
 * have changed, and which may even be another's by now: then nothing may be tried. Throws REAUTHENTICATION_REQUIRED.
 */
export function sameUser({ user: found }: Attempt, user: User): NonNullable<Attempt["user"]> {
  if (found?.id !== user.id) throw apiError("REAUTHENTICATION_REQUIRED");
  return found;
}

function reauthenticate(deps: FreshProofDeps, asker: Asker, password: string): Promise<{ spent: boolean }> {
  const { user, sessionId, from, signal, credentials } = asker;
  const { clock, random } = deps.attempts;
  const who = { accountId: user.accountId, accountAlias: null, email: user.email, password, from, signal };
  return withAttempt(deps.attempts, who, async (attempt) => {
    sameUser(attempt, user);
    const verified = await checkPassword(attempt);
    const proof = await checkSecondFactor(attempt, verified.user, credentials);
    const now = clock.now();
    const recorded = await deps.store.recordReauthentication({
      userId: user.id,
      accountId: user.accountId,
      sessionId,
      passwordVersion: verified.user.passwordVersion,
      proof,
      identity: attempt.identity,
      now,
      from,
      recovery: { auditId: newId(random, now), eventId: newEventId(random, now) },
    });
    if (!recorded) throw apiError("REAUTHENTICATION_REQUIRED");
    return { spent: proof !== null };
  });
}
