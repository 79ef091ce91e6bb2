import { type ApiError, apiError } from "../../lib/errors.ts";
import { newEventId, newId } from "../../lib/ids.ts";
import type { SessionIdentity } from "../sessions/model.ts";
import type { SecondFactorProof } from "../two-factor/model.ts";
import { proofOfCode, recoveryCodeHash } from "../two-factor/verify.ts";
import {
  type Attempt,
  type AttemptDeps,
  type Credentials,
  checkPassword,
  fail,
  lockedFor,
  type OutdatedHash,
  type Verified,
  withAttempt,
} from "./attempt.ts";
import { lockRemaining, secondFactorStopRemaining } from "./lockout.ts";
import type { LoginAccount, LoginUser } from "./store.ts";

export type LoginDeps = AttemptDeps & {
  /** ms until a session ends however it is used. */
  sessionTtl: number;
};

export type LoginRequest = Credentials & SecondFactor;

/** What a client brought as second factor; null where it brought none. */
export type SecondFactor = { twoFactorCode: string | null; twoFactorRecoveryCode: string | null };

export type LoginResult =
  | { kind: "logged-in"; identity: SessionIdentity; outdatedHash: OutdatedHash | null }
  | { kind: "enrolment-required"; userId: string; accountId: string; passwordVersion: number };

/**
 * The login, as an ordered list of checks. Each throws the ApiError of the contract; nothing exists before the last
 * one passed. Throws RequestGone when the client hung up while it waited.
 */
export function logIn(deps: LoginDeps, request: LoginRequest): Promise<LoginResult> {
  return withAttempt(deps, request, async (attempt) => {
    const verified = await checkPassword(attempt);
    const proof = await checkSecondFactor(attempt, verified.user, request);
    checkSuspension(verified.account, verified.user);
    if (mustEnrol(verified.account, verified.user)) {
      const { id: userId, passwordVersion } = verified.user;
      return { kind: "enrolment-required", userId, accountId: verified.account.id, passwordVersion };
    }
    const identity = await record(attempt, verified, proof, deps.sessionTtl);
    return { kind: "logged-in", identity, outdatedHash: verified.outdatedHash };
  });
}

/** The code if one was given, else the recovery code. A missing one is neither a failure nor a success. */
export async function checkSecondFactor(
  attempt: Attempt,
  user: LoginUser,
  { twoFactorCode, twoFactorRecoveryCode }: SecondFactor,
): Promise<SecondFactorProof | null> {
  const { deps, failures } = attempt;
  const { twoFactor } = user;
  if (twoFactor === null) return null;
  if (twoFactorCode !== null) {
    const stopped = secondFactorStopRemaining(failures);
    if (stopped > 0) throw lockedFor(stopped);
    const proof = proofOfCode(deps.secrets, { id: user.id, twoFactor }, twoFactorCode, deps.clock.now());
    return proof ?? fail(attempt, "second-factor", apiError("INVALID_TWO_FACTOR_CODE"));
  }
  if (twoFactorRecoveryCode !== null) {
    const hash = recoveryCodeHash(deps.secrets, user.id, twoFactorRecoveryCode);
    if (await deps.store.hasRecoveryCode(user.id, hash)) return { kind: "recovery-code", hash };
    return fail(attempt, "second-factor", apiError("INVALID_TWO_FACTOR_RECOVERY_CODE"));
  }
  throw apiError("MISSING_TWO_FACTOR_CODE");
}

/** Said only to somebody who proved to be the user: others learn nothing of it. */
function checkSuspension(account: LoginAccount, user: LoginUser): void {
  if (account.status === "suspended") throw apiError("ACCOUNT_SUSPENDED");
  if (user.status === "suspended") throw apiError("USER_SUSPENDED");
}

function mustEnrol({ requireTwoFactor }: LoginAccount, user: LoginUser): boolean {
  if (user.twoFactor !== null || requireTwoFactor === "none") return false;
  return requireTwoFactor === "all" || user.roles.some((role) => requireTwoFactor.includes(role));
}

/** The one transaction. It asks everything again: what was true before the hash need not be true after it. */
async function record(
  attempt: Attempt,
  { account, user }: Verified,
  proof: SecondFactorProof | null,
  sessionTtl: number,
): Promise<SessionIdentity> {
  const { deps, credentials, identity } = attempt;
  const now = deps.clock.now();
  const outcome = await deps.store.recordLogin({
    identity,
    accountId: account.id,
    userId: user.id,
    passwordVersion: user.passwordVersion,
    proof,
    session: { id: newId(deps.random, now), from: credentials.from, expiresAt: now + sessionTtl },
    now,
    auditId: newId(deps.random, now),
    eventId: newEventId(deps.random, now),
    recovery: { auditId: newId(deps.random, now), eventId: newEventId(deps.random, now) },
  });
  switch (outcome.kind) {
    case "logged-in":
      return outcome.identity;
    case "locked":
      throw lockedFor(lockRemaining(outcome.record, now));
    case "credentials-changed":
      return fail(attempt, "password", apiError("INVALID_CREDENTIALS"));
    case "proof-missing":
      throw apiError("MISSING_TWO_FACTOR_CODE");
    case "proof-spent":
      return fail(attempt, "second-factor", spentProofError(proof));
    case "account-suspended":
      throw apiError("ACCOUNT_SUSPENDED");
    case "user-suspended":
      throw apiError("USER_SUSPENDED");
  }
}

/** What is answered for a second factor that another request spent meanwhile. */
export function spentProofError(proof: SecondFactorProof | null): ApiError {
  return apiError(
    proof?.kind === "recovery-code" ? "INVALID_TWO_FACTOR_RECOVERY_CODE" : "INVALID_TWO_FACTOR_CODE",
  );
}
