import { type Clock, wait } from "../../lib/clock.ts";
import { type ApiError, apiError } from "../../lib/errors.ts";
import type { Admission, HashingQueue } from "../../lib/hashing-queue.ts";
import { newId } from "../../lib/ids.ts";
import type { Log } from "../../lib/log.ts";
import type { PasswordVerifier } from "../../lib/passwords.ts";
import type { Random } from "../../lib/random.ts";
import type { Secrets } from "../../lib/secrets.ts";
import type { RequestOrigin } from "../audit/model.ts";
import { loginIdentity } from "./identity.ts";
import type { Entry, IdentityGate } from "./identity-gate.ts";
import { type FailureKind, type FailureRecord, lockRemaining } from "./lockout.ts";
import type { LoginAccount, LoginStore, LoginUser } from "./store.ts";

/** What every try of a password or code needs, wherever it is made: one queue, one gate, one set of counters. */
export type AttemptDeps = {
  store: LoginStore;
  secrets: Secrets;
  clock: Clock;
  random: Random;
  queue: HashingQueue;
  verifier: PasswordVerifier;
  gate: IdentityGate;
  log: Log;
};

/** Who tries, and with what password: as sent, with empty and absent both null. */
export type Credentials = {
  accountId: string | null;
  accountAlias: string | null;
  email: string;
  password: string;
  from: RequestOrigin;
  signal: AbortSignal;
};

/** Who a try is about. `user` is undefined for an unknown account or e-mail: that is never said, and costs the same. */
type Parties = { account: LoginAccount | undefined; user: LoginUser | undefined; identity: Uint8Array };

/** One try that was let in: the identity is not locked, and this try is within what it has left. */
export type Attempt = Parties & {
  deps: AttemptDeps;
  credentials: Credentials;
  admission: Admission;
  /** The failures of the identity so far. */
  failures: FailureRecord;
};

/**
 * How long after its verification a wrong password is answered, in ms. What is written meanwhile differs between users,
 * who have an audit log, and invented ones, and takes 1 to 3 ms: a stopwatch must not tell them apart.
 */
const refusalMs = 5;

/** The password in hand when it was right and its stored hash should be made anew. */
export type OutdatedHash = { userId: string; hash: string; password: string };

/** Somebody whose password was right. */
export type Verified = { account: LoginAccount; user: LoginUser; outdatedHash: OutdatedHash | null };

/**
 * Lets a try in and does `work` within it: takes a place in the hashing queue, then among the tries of the identity.
 * Every path on which a password or a code can be tried goes through here. Throws SERVER_BUSY,
 * LOGIN_TEMPORARILY_LOCKED, or RequestGone when the client hung up while it waited.
 */
export async function withAttempt<T>(
  deps: AttemptDeps,
  credentials: Credentials,
  work: (attempt: Attempt) => Promise<T>,
): Promise<T> {
  const admission = deps.queue.admit(credentials.signal);
  try {
    const parties = await findParties(deps, credentials);
    const place = deps.gate.enter(parties.identity);
    try {
      const failures = checkLock(await admission.guard(place.entry), deps.clock.now());
      return await work({ ...parties, deps, credentials, admission, failures });
    } finally {
      place.leave();
    }
  } finally {
    admission.leave();
  }
}

async function findParties({ store, secrets }: AttemptDeps, credentials: Credentials): Promise<Parties> {
  const { accountId, accountAlias, email } = credentials;
  const account = await store.findLoginAccount(accountId, accountAlias);
  const user = account === undefined ? undefined : await store.findLoginUser(account.id, email);
  const named =
    account === undefined ? { unknownId: accountId, unknownAlias: accountAlias } : { found: account.id };
  return { account, user, identity: loginIdentity(secrets, named, email) };
}

/** Asked first, and again by storage with every result. */
function checkLock({ kind, failures }: Entry, now: number): FailureRecord {
  if (kind === "locked") throw lockedFor(lockRemaining(failures, now));
  return failures;
}

/** One full verification, whoever was named: of the user's hash, or of nobody's. Throws INVALID_CREDENTIALS. */
export async function checkPassword(attempt: Attempt): Promise<Verified> {
  const { account, user, credentials, deps, admission } = attempt;
  const storedHash = user?.passwordHash ?? null;
  const verdict = await admission.run(() => deps.verifier.verify(credentials.password, storedHash));
  const verifiedAt = deps.clock.monotonic();
  if (verdict.unusable) {
    deps.log.error("a stored password hash cannot be used: set the user's password", { userId: user?.id });
  }
  if (!verdict.matches || account === undefined || user === undefined || storedHash === null) {
    return refuse(attempt, verifiedAt);
  }
  const outdatedHash = verdict.outdated
    ? { userId: user.id, hash: storedHash, password: credentials.password }
    : null;
  return { account, user, outdatedHash };
}

/** Counts a wrong password, and answers so long after its verification that what was written does not show. */
async function refuse(attempt: Attempt, verifiedAt: number): Promise<never> {
  const { clock } = attempt.deps;
  try {
    return await fail(attempt, "password", apiError("INVALID_CREDENTIALS"));
  } finally {
    await wait(clock, refusalMs - (clock.monotonic() - verifiedAt));
  }
}

/**
 * Counts the failure, durably and whatever becomes of the request, then throws `error`. If the identity was locked
 * meanwhile, the answer is the lock's: a guess beyond the limit must not learn that it was wrong.
 */
export async function fail(attempt: Attempt, kind: FailureKind, error: ApiError): Promise<never> {
  const { deps, account, user, identity, credentials } = attempt;
  const now = deps.clock.now();
  const outcome = await deps.store.recordFailure({
    identity,
    kind,
    now,
    user: account === undefined || user === undefined ? null : { id: user.id, accountId: account.id },
    from: credentials.from,
    auditIds: [newId(deps.random, now), newId(deps.random, now)],
  });
  throw outcome.kind === "refused" ? lockedFor(lockRemaining(outcome.record, now)) : error;
}

/** LOGIN_TEMPORARILY_LOCKED for so many ms. */
export function lockedFor(remaining: number): ApiError {
  return apiError("LOGIN_TEMPORARILY_LOCKED", {
    retryAfterSeconds: Math.max(1, Math.ceil(remaining / 1_000)),
  });
}
