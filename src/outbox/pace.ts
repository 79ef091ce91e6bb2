import type { WebhookHealth } from "../features/webhooks/model.ts";

/**
 * How many deliveries of one webhook are in flight at a time: from here, up to there while it answers well, down to
 * one when not.
 */
const firstWindow = 4;
const widestWindow = 32;

/**
 * An answer that took longer, in ms, is not well, though it be 200: four such receivers at full width would fill
 * every slot.
 */
const slowAnswerMs = 1_000;

/** The pause after the second failure in a row, in ms; twice as long after each further one, up to a second. */
const firstRestMs = 50;
const longestRestMs = 1_000;

/** How long a `Retry-After` holds back the webhook as a whole, at most, in ms: then one delivery asks again. */
const longestAskedRestMs = 5 * 60_000;

/**
 * How fast deliveries of one webhook are sent. Kept in memory: what must outlive the process is the webhook's health.
 */
export type Pace = {
  window: number;
  /** Whether it answers quickly and with success: part of the capacity is kept for those that do. */
  well: boolean;
  /** Failures in a row, as far as this process has seen. */
  failures: number;
  /** Nothing is sent before this reading of the monotonic clock. */
  restUntil: number;
};

export function startingPace(health: WebhookHealth): Pace {
  const well = health === "healthy";
  return { window: well ? firstWindow : 1, well, failures: 0, restUntil: 0 };
}

/**
 * The pace after an attempt that ended at `now` (monotonic, ms). A receiver that refuses connections answers in a
 * fraction of a millisecond: without rests its backlog would be tried as fast as the machine can, at the expense of
 * all others.
 */
export function paceAfter(
  pace: Pace,
  attempt: { succeeded: boolean; tookMs: number; retryAfterMs: number },
  now: number,
): Pace {
  const { succeeded, tookMs, retryAfterMs } = attempt;
  if (succeeded && tookMs < slowAnswerMs)
    return {
      window: Math.min(pace.window + 1, widestWindow),
      well: true,
      failures: 0,
      restUntil: pace.restUntil,
    };
  if (succeeded)
    return {
      window: Math.max(Math.floor(pace.window / 2), 1),
      well: false,
      failures: 0,
      restUntil: pace.restUntil,
    };
  const failures = pace.failures + 1;
  const rest = failures === 1 ? 0 : Math.min(firstRestMs * 2 ** (failures - 2), longestRestMs);
  const asked = Math.min(retryAfterMs, longestAskedRestMs);
  return {
    window: 1,
    well: false,
    failures,
    restUntil: Math.max(pace.restUntil, now + Math.max(rest, asked)),
  };
}
