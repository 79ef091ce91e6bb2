import type { Admission } from "../../lib/hashing-queue.ts";
import { type AttemptDeps, type Credentials, checkPassword, type Verified, withAttempt } from "./attempt.ts";

/** Somebody who is logged in and proves the password again. */
export type PasswordProof = Pick<Credentials, "email" | "password" | "from" | "signal"> & {
  accountId: string;
};

/**
 * Asks for the password of a user outside the login, in the same queue and under the same lock: a stolen access token
 * is no way to guess it. Then does `work`, which may take further turns in the queue. Throws INVALID_CREDENTIALS,
 * LOGIN_TEMPORARILY_LOCKED or SERVER_BUSY. A right one clears no failures: only a login does.
 */
export function withProvenPassword<T>(
  deps: AttemptDeps,
  proof: PasswordProof,
  work: (verified: Verified, admission: Admission) => Promise<T>,
): Promise<T> {
  return withAttempt(deps, { ...proof, accountAlias: null }, async (attempt) =>
    work(await checkPassword(attempt), attempt.admission),
  );
}
