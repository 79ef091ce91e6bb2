import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import type { SigningKeys } from "./signing-keys.ts";

/** Keys that cannot be read are read again after so many ms: a withdrawn one must not stay in force. */
const retryMs = 1_000;

/**
 * Keeps the keys as the database has them: reads them whenever another process wrote something, and once at the
 * beginning, since a rotation may have come after they were read first and before anybody listened.
 */
export async function followKeys(
  keys: SigningKeys,
  { onForeignCommit, clock, log }: { onForeignCommit(listener: () => void): void; clock: Clock; log: Log },
): Promise<void> {
  const reload = async (): Promise<void> => {
    try {
      await keys.reload();
    } catch (error) {
      log.error("the signing keys cannot be read", { error: String(error) });
      clock.after(retryMs, reload);
    }
  };
  onForeignCommit(reload);
  await reload();
}
