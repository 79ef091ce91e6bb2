import type { Clock } from "../../lib/clock.ts";
import { type ApiError, apiError } from "../../lib/errors.ts";
import type { Admission, HashingQueue } from "../../lib/hashing-queue.ts";
import { newEventId, newId } from "../../lib/ids.ts";
import type { Log } from "../../lib/log.ts";
import type { PasswordVerifier } from "../../lib/passwords.ts";
import type { Random } from "../../lib/random.ts";
import type { Secrets } from "../../lib/secrets.ts";
import type { RequestOrigin } from "../audit/model.ts";
import type { SessionIdentity } from "../sessions/model.ts";
import type { SecondFactorProof } from "../two-factor/model.ts";
import { proofOfCode, recoveryCodeHash } from "../two-factor/verify.ts";
import { loginIdentity } from "./identity.ts";
import type { Entry, IdentityGate } from "./identity-gate.ts";
import { type FailureKind, type FailureRecord, lockRemaining, secondFactorStopRemaining } from "./lockout.ts";
import type { LoginAccount, LoginStore, LoginUser } from "./store.ts";

export type LoginDeps = {
  store: LoginStore;
  secrets: Secrets;
  clock: Clock;
  random: Random;
  queue: HashingQueue;
  verifier: PasswordVerifier;
  gate: IdentityGate;
  log: Log;
  /** ms until a session ends however it is used. */
  sessionTtl: number;
};

/** A login as its client sent it: empty and absent are both null by now. */
export type LoginRequest = {
  accountId: string | null;
  accountAlias: string | null;
  email: string;
  password: string;
  twoFactorCode: string | null;
  twoFactorRecoveryCode: string | null;
  from: RequestOrigin;
  signal: AbortSignal;
};

/** The password in hand when a login ended well and its stored hash should be made anew. */
export type OutdatedHash = { userId: string; hash: string; password: string };

export type LoginResult =
  | { kind: "logged-in"; identity: SessionIdentity; outdatedHash: OutdatedHash | null }
  | { kind: "enrolment-required"; userId: string; accountId: string };

/** Who a login is about. `user` is undefined for an unknown account or e-mail: that is never said, and costs the same. */
type Parties = { account: LoginAccount | undefined; user: LoginUser | undefined; identity: Uint8Array };

type Attempt = Parties & { request: LoginRequest; deps: LoginDeps };

/**
 * The login, as an ordered list of checks. Each throws the ApiError of the contract; nothing exists before the last one passed.
 * Throws RequestGone when the client hung up while it waited.
 */
export async function logIn(deps: LoginDeps, request: LoginRequest): Promise<LoginResult> {
  const admission = deps.queue.admit(request.signal);
  try {
    const attempt: Attempt = { ...(await findParties(deps, request)), request, deps };
    const place = deps.gate.enter(attempt.identity);
    try {
      const failures = checkLock(await admission.guard(place.entry), deps);
      const verified = await checkPassword(attempt, admission);
      const proof = await checkSecondFactor(attempt, verified.user, failures);
      checkSuspension(verified.account, verified.user);
      if (mustEnrol(verified.account, verified.user)) {
        return { kind: "enrolment-required", userId: verified.user.id, accountId: verified.account.id };
      }
      const identity = await record(attempt, verified, proof);
      return { kind: "logged-in", identity, outdatedHash: verified.outdatedHash };
    } finally {
      place.leave();
    }
  } finally {
    admission.leave();
  }
}

async function findParties({ store, secrets }: LoginDeps, request: LoginRequest): Promise<Parties> {
  const { accountId, accountAlias, email } = request;
  const account = await store.findLoginAccount(accountId, accountAlias);
  const user = account === undefined ? undefined : await store.findLoginUser(account.id, email);
  const named =
    account === undefined ? { unknownId: accountId, unknownAlias: accountAlias } : { found: account.id };
  return { account, user, identity: loginIdentity(secrets, named, email) };
}

/** Asked first, and again by storage with every result: a lock that only one of the paths asks for is none. */
function checkLock({ kind, failures }: Entry, { clock }: LoginDeps): FailureRecord {
  if (kind === "locked") throw locked(lockRemaining(failures, clock.now()));
  return failures;
}

type Verified = { account: LoginAccount; user: LoginUser; outdatedHash: OutdatedHash | null };

/** One full verification, whoever was named: of the user's hash, or of nobody's. */
async function checkPassword(attempt: Attempt, admission: Admission): Promise<Verified> {
  const { account, user, request, deps } = attempt;
  const storedHash = user?.passwordHash ?? null;
  const verdict = await admission.run(() => deps.verifier.verify(request.password, storedHash));
  if (verdict.unusable) {
    deps.log.error("a stored password hash cannot be used: set the user's password", { userId: user?.id });
  }
  if (!verdict.matches || account === undefined || user === undefined || storedHash === null) {
    return fail(attempt, "password", apiError("INVALID_CREDENTIALS"));
  }
  const outdatedHash = verdict.outdated
    ? { userId: user.id, hash: storedHash, password: request.password }
    : null;
  return { account, user, outdatedHash };
}

/** The code if one was given, else the recovery code. A missing one is neither a failure nor a success. */
async function checkSecondFactor(
  attempt: Attempt,
  user: LoginUser,
  failures: FailureRecord,
): Promise<SecondFactorProof | null> {
  const { request, deps } = attempt;
  const { twoFactor } = user;
  if (twoFactor === null) return null;
  if (request.twoFactorCode !== null) {
    const stopped = secondFactorStopRemaining(failures);
    if (stopped > 0) throw locked(stopped);
    const proof = proofOfCode(
      deps.secrets,
      { id: user.id, twoFactor },
      request.twoFactorCode,
      deps.clock.now(),
    );
    return proof ?? fail(attempt, "second-factor", apiError("INVALID_TWO_FACTOR_CODE"));
  }
  if (request.twoFactorRecoveryCode !== null) {
    const hash = recoveryCodeHash(deps.secrets, user.id, request.twoFactorRecoveryCode);
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
): Promise<SessionIdentity> {
  const { deps, request, identity } = attempt;
  const now = deps.clock.now();
  const outcome = await deps.store.recordLogin({
    identity,
    accountId: account.id,
    userId: user.id,
    passwordVersion: user.passwordVersion,
    proof,
    session: { id: newId(deps.random, now), from: request.from, expiresAt: now + deps.sessionTtl },
    now,
    auditId: newId(deps.random, now),
    eventId: newEventId(deps.random, now),
  });
  switch (outcome.kind) {
    case "logged-in":
      return outcome.identity;
    case "locked":
      throw locked(lockRemaining(outcome.record, now));
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

function spentProofError(proof: SecondFactorProof | null): ApiError {
  return apiError(
    proof?.kind === "recovery-code" ? "INVALID_TWO_FACTOR_RECOVERY_CODE" : "INVALID_TWO_FACTOR_CODE",
  );
}

/**
 * Counts the failure, durably and whatever becomes of the request, then throws it. If the identity was locked meanwhile, the answer is the
 * lock's: a guess beyond the limit must not learn that it was wrong.
 */
async function fail(attempt: Attempt, kind: FailureKind, error: ApiError): Promise<never> {
  const { deps, account, user, identity, request } = attempt;
  const now = deps.clock.now();
  const outcome = await deps.store.recordFailure({
    identity,
    kind,
    now,
    user: account === undefined || user === undefined ? null : { id: user.id, accountId: account.id },
    from: request.from,
    auditIds: [newId(deps.random, now), newId(deps.random, now)],
  });
  throw outcome.kind === "refused" ? locked(lockRemaining(outcome.record, now)) : error;
}

function locked(remaining: number): ApiError {
  return apiError("LOGIN_TEMPORARILY_LOCKED", {
    retryAfterSeconds: Math.max(1, Math.ceil(remaining / 1_000)),
  });
}
