import type { Clock } from "../../lib/clock.ts";
import { ApiError, apiError } from "../../lib/errors.ts";
import { newEventId, newId } from "../../lib/ids.ts";
import type { Random } from "../../lib/random.ts";
import type { Secrets } from "../../lib/secrets.ts";
import { otpauthUrl, stepOfCode, totpSecretBytes } from "../../lib/totp.ts";
import type { AuditAction, AuditEntry, RequestOrigin } from "../audit/model.ts";
import { type Attempt, fail, lockedFor, withAttempt } from "../login/attempt.ts";
import { loginIdentity } from "../login/identity.ts";
import { secondFactorStopRemaining } from "../login/lockout.ts";
import { checkSecondFactor, type SecondFactor, spentProofError } from "../login/login.ts";
import { recoveryCodeHash, secretBinding } from "../two-factor/verify.ts";
import type { User } from "../users/model.ts";
import { type FreshProofDeps, sameUser } from "./fresh-proof.ts";
import { newRecoveryCodes } from "./recovery-codes.ts";
import type { EnrolmentStore } from "./store.ts";

export type EnrolDeps = FreshProofDeps;

/** How long a secret waits for its first code: 10 min. */
const pendingMs = 10 * 60_000;

/** What the pending secret of a user is bound to when sealed: it does not open in the place of an active one. */
const pendingBinding = (userId: string) => `pending_two_factor.secret:${userId}`;

/**
 * What is shown of the issuer at most: with an e-mail address of any length it still fits into a QR code, whatever it
 * takes when encoded.
 */
const longestIssuer = 64;

/**
 * A fresh secret for a user, which touches no active one until it is confirmed. `issuer` is what the authenticator
 * app shows.
 */
export async function beginEnrolment(
  { store, attempts: { secrets, random, clock } }: EnrolDeps,
  user: User,
  issuer: string,
): Promise<{ email: string; url: string }> {
  const secret = random.bytes(totpSecretBytes);
  const sealed = secrets.seal(secret, pendingBinding(user.id));
  await store.keepPendingSecret({ userId: user.id, secret: sealed, expiresAt: clock.now() + pendingMs });
  const shown = Array.from(issuer).slice(0, longestIssuer).join("");
  return { email: user.email, url: otpauthUrl(secret, shown, user.email) };
}

/** Who confirms or turns off: the session is null with an enrolment ticket. */
export type Changer = { user: User; sessionId: string | null; from: RequestOrigin; signal: AbortSignal };

/**
 * Makes the pending secret the active one, once a code shows that the app has it. A wrong code counts in the lock.
 * Throws INVALID_TWO_FACTOR_CODE, also when there is nothing pending, MISSING_TWO_FACTOR_CODE or
 * LOGIN_TEMPORARILY_LOCKED.
 */
export function confirmEnrolment(deps: EnrolDeps, changer: Changer, code: string | null): Promise<User> {
  if (code === null) {
    throw new ApiError(
      "MISSING_TWO_FACTOR_CODE",
      "Send the code that the authenticator app shows as twoFactorCode.",
    );
  }
  const { store, attempts } = deps;
  const { secrets, clock, random } = attempts;
  const { user } = changer;
  return withAttempt(attempts, whoOf(changer), async (attempt) => {
    const { passwordVersion } = sameUser(attempt, user);
    refuseStopped(attempt);
    const now = clock.now();
    const pendingSecret = await store.findPendingSecret(user.id, now);
    const secret = pendingSecret && secrets.open(pendingSecret, pendingBinding(user.id));
    const step = secret && stepOfCode(secret, code, now);
    if (pendingSecret === undefined || secret === undefined || step === undefined) {
      return fail(attempt, "second-factor", apiError("INVALID_TWO_FACTOR_CODE"));
    }
    const enabled = await store.enableTwoFactor(
      {
        userId: user.id,
        accountId: user.accountId,
        pendingSecret,
        secret: secrets.seal(secret, secretBinding(user.id)),
        step,
        passwordVersion,
        sessionId: changer.sessionId,
        eventId: newEventId(random, now),
      },
      auditOf(deps, changer, "two-factor.enabled"),
    );
    return enabled ?? fail(attempt, "second-factor", apiError("INVALID_TWO_FACTOR_CODE"));
  });
}

/**
 * Turns the second factor off, with a code of it: `spent` says that the fresh proof was one already. Throws as a
 * login does for a wrong or missing code.
 */
export function turnOff(
  deps: EnrolDeps,
  changer: Changer,
  codes: SecondFactor,
  spent: boolean,
): Promise<User> {
  const { store, attempts } = deps;
  const { user } = changer;
  if (!user.twoFactorEnabled) return Promise.resolve(user);
  return withAttempt(attempts, whoOf(changer), async (attempt) => {
    const proof = spent ? null : await checkSecondFactor(attempt, sameUser(attempt, user), codes);
    const now = attempts.clock.now();
    const disabled = await store.disableTwoFactor(
      {
        userId: user.id,
        accountId: user.accountId,
        proof,
        identity: attempt.identity,
        eventId: newEventId(attempts.random, now),
        recovery: { auditId: newId(attempts.random, now), eventId: newEventId(attempts.random, now) },
      },
      auditOf(deps, changer, "two-factor.disabled"),
    );
    return disabled ?? fail(attempt, "second-factor", spentProofError(proof));
  });
}

/**
 * Ten new recovery codes in the place of the former ones, told this once. Throws INVALID_REQUEST without a second
 * factor to recover.
 */
export async function replaceRecoveryCodes(deps: EnrolDeps, changer: Changer): Promise<string[]> {
  const { store, attempts } = deps;
  const { user } = changer;
  const codes = newRecoveryCodes(attempts.random);
  const hashes = codes.map((code) => recoveryCodeHash(attempts.secrets, user.id, code));
  const audit = auditOf(deps, changer, "two-factor.recovery-codes-replaced");
  if (await store.replaceRecoveryCodes({ userId: user.id, accountId: user.accountId, hashes }, audit))
    return codes;
  throw new ApiError(
    "INVALID_REQUEST",
    "Turn two-factor authentication on first: there is nothing to recover yet.",
  );
}

/** Forgets a user's second factor and ends its sessions, for somebody who lost both phone and codes. */
export function resetTwoFactor(
  {
    store,
    secrets,
    clock,
    random,
  }: { store: EnrolmentStore; secrets: Secrets; clock: Clock; random: Random },
  user: User,
  by: { actor: AuditEntry["actor"]; from: RequestOrigin; userId: string | null },
): Promise<User> {
  const at = clock.now();
  return store.resetTwoFactor(
    {
      userId: user.id,
      accountId: user.accountId,
      identity: loginIdentity(secrets, { found: user.accountId }, user.email),
      eventId: newEventId(random, at),
    },
    {
      id: newId(random, at),
      accountId: user.accountId,
      at,
      action: "two-factor.reset",
      actor: by.actor,
      target: { kind: "user", id: user.id },
      from: by.from,
      details: { by: by.userId },
    },
  );
}

function whoOf({ user, from, signal }: Changer) {
  return { accountId: user.accountId, accountAlias: null, email: user.email, password: "", from, signal };
}

function refuseStopped({ failures }: Attempt): void {
  const stopped = secondFactorStopRemaining(failures);
  if (stopped > 0) throw lockedFor(stopped);
}

function auditOf(
  { attempts: { clock, random } }: EnrolDeps,
  { user, from }: Changer,
  action: AuditAction,
): AuditEntry {
  const at = clock.now();
  const target = { kind: "user", id: user.id } as const;
  return {
    id: newId(random, at),
    accountId: user.accountId,
    at,
    action,
    actor: "user",
    target,
    from,
    details: {},
  };
}
