/** Each wait is up to a fifth shorter or longer, so that receivers are not hit in step after an outage. */
const jitter = 0.2;

/** The longest wait that a receiver may ask for. */
const longestRetryAfter = 24 * 60 * 60_000;

/**
 * When to try again after attempt number `attempt` (1 is the first) failed at `now` (ms), or undefined when it was
 * the last. `fraction` in [0, 1) places the jitter. `retryAfter` (ms), a receiver's wish, lengthens the wait, up to
 * 24 h, and never shortens it: a receiver that says "in a second" through an hour's outage would use up all attempts
 * in ten seconds.
 */
export function nextAttempt(
  schedule: readonly number[],
  attempt: number,
  now: number,
  fraction: number,
  retryAfter = 0,
): number | undefined {
  const wait = schedule[attempt];
  if (wait === undefined) return undefined;
  const jittered = wait * (1 - jitter + 2 * jitter * fraction);
  return now + Math.round(Math.max(jittered, Math.min(retryAfter, longestRetryAfter)));
}

/**
 * What a `Retry-After` header asks for, in ms from `now`: seconds, or an HTTP date (RFC 9110, section 10.2.3).
 * Undefined when it is absent or neither; 0 for a date that is past.
 */
export function readRetryAfter(header: string | null, now: number): number | undefined {
  const text = header?.trim() ?? "";
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1_000, longestRetryAfter);
  if (!/^[A-Z][a-z]{2,8}, \d/.test(text)) return undefined;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.min(Math.max(date - now, 0), longestRetryAfter);
}
