/** A wrong password, or a wrong second factor after a right password. */
export type FailureKind = "password" | "second-factor";

/** What is remembered of the failures of one identity. Times in ms. */
export type FailureRecord = {
  /** Times of failures that may still count, oldest first. */
  recent: readonly number[];
  /** Failures of the second factor since the last success. */
  secondFactor: number;
  lockedUntil: number;
};

export const noFailures: FailureRecord = { recent: [], secondFactor: 0, lockedUntil: 0 };

/** Five failures within five minutes lock for five minutes from the fifth: the contract's numbers. */
const failuresToLock = 5;
const windowMs = 5 * 60_000;
const lockMs = 5 * 60_000;

/** Each further five failures of the second factor lock twice as long as the last, at most a day. */
const longestLockMs = 24 * 60 * 60_000;

/** After so many in a row, codes are not tried any more until a recovery code is used or an operator unlocks. */
const secondFactorStop = 100;

/** What a client is told to wait where only a recovery code or an operator helps: a day. */
const stoppedRetryAfterMs = longestLockMs;

/** ms until the identity may try again; 0 when it may now. */
export function lockRemaining(record: FailureRecord, now: number): number {
  return Math.max(0, record.lockedUntil - now);
}

/** How many tries may run at once: each could fail, and the one that reaches a limit must be the last. */
export function triesLeft(record: FailureRecord, now: number): number {
  if (lockRemaining(record, now) > 0) return 0;
  const untilLock = failuresToLock - countingAt(record, now).length;
  const untilSecondFactorLock = failuresToLock - (record.secondFactor % failuresToLock);
  return Math.min(untilLock, untilSecondFactorLock);
}

/** ms to wait where codes of the second factor are not tried any more; 0 while they are. A recovery code still is. */
export function secondFactorStopRemaining(record: FailureRecord): number {
  return record.secondFactor >= secondFactorStop ? stoppedRetryAfterMs : 0;
}

/** The record after one more failure at `now`. */
export function afterFailure(record: FailureRecord, kind: FailureKind, now: number): FailureRecord {
  const recent = [...countingAt(record, now), now].slice(-failuresToLock);
  const secondFactor = record.secondFactor + (kind === "second-factor" ? 1 : 0);
  const locks = [record.lockedUntil];
  if (recent.length >= failuresToLock) locks.push(now + lockMs);
  if (kind === "second-factor" && secondFactor % failuresToLock === 0) {
    locks.push(now + secondFactorLock(secondFactor / failuresToLock));
  }
  return { recent, secondFactor, lockedUntil: Math.max(...locks) };
}

/** What is remembered of somebody whose identity becomes another: a new e-mail address is no way to fresh tries. */
export function mergedFailures(left: FailureRecord, right: FailureRecord): FailureRecord {
  return {
    recent: [...left.recent, ...right.recent]
      .sort((earlier, later) => earlier - later)
      .slice(-failuresToLock),
    secondFactor: Math.max(left.secondFactor, right.secondFactor),
    lockedUntil: Math.max(left.lockedUntil, right.lockedUntil),
  };
}

/** What is remembered after a recovery code or a reset lifted the stop: failures of the password stay. */
export function withoutSecondFactorFailures(record: FailureRecord): FailureRecord {
  return { ...record, secondFactor: 0 };
}

/** When a record has nothing left to say and may be pruned; null while failures of the second factor are counted. */
export function expiryOf(record: FailureRecord): number | null {
  if (record.secondFactor > 0) return null;
  return Math.max(record.lockedUntil, (record.recent.at(-1) ?? 0) + windowMs);
}

/**
 * Failures that count at `now`. One that lies in the future was written before the clock was set back: it counts, since
 * forgetting it would give an attacker who can bend the clock fresh tries.
 */
function countingAt(record: FailureRecord, now: number): number[] {
  return record.recent.filter((time) => now - time < windowMs);
}

/** 5, 10, 20 … minutes for the first, second, third five. */
function secondFactorLock(fives: number): number {
  return Math.min(lockMs * 2 ** (fives - 1), longestLockMs);
}
