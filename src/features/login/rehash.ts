import { ApiError } from "../../lib/errors.ts";
import type { HashingQueue } from "../../lib/hashing-queue.ts";
import type { Log } from "../../lib/log.ts";
import type { HashParameters } from "../../lib/password-hash.ts";
import { hashPassword } from "../../lib/passwords.ts";
import type { OutdatedHash } from "./attempt.ts";
import type { LoginStore } from "./store.ts";

export type Rehasher = {
  /** Makes a verified password's hash anew, in the background. Never fails: the next login tries again. */
  rehash(outdated: OutdatedHash): void;
  /** Resolves when no rehash is under way. */
  settled(): Promise<void>;
};

/**
 * Rehashes after the answer, in the same queue as logins, one at a time for a user: fifty logins at once make one new
 * hash.
 */
export function makeRehasher(deps: {
  store: LoginStore;
  queue: HashingQueue;
  parameters: HashParameters;
  log: Log;
}): Rehasher {
  const underWay = new Map<string, Promise<void>>();

  async function replace({ userId, hash, password }: OutdatedHash): Promise<void> {
    // The answer of the login goes out first.
    await new Promise((resolve) => setImmediate(resolve));
    const admission = deps.queue.admit();
    try {
      const better = await admission.run(() => hashPassword(password, deps.parameters));
      await deps.store.replacePasswordHash({ userId, from: hash, to: better });
    } finally {
      admission.leave();
    }
  }

  return {
    rehash(outdated) {
      const { userId } = outdated;
      if (underWay.has(userId)) return;
      const work = replace(outdated)
        .catch((error: unknown) => {
          const busy = error instanceof ApiError && error.code === "SERVER_BUSY";
          if (!busy) deps.log.error("a password could not be rehashed", { userId, error: String(error) });
        })
        .finally(() => underWay.delete(userId));
      underWay.set(userId, work);
    },
    async settled() {
      await Promise.all(underWay.values());
    },
  };
}
