/** Something that was set to happen later and can still be called off. */
export type Timer = { cancel(): void };

/**
 * The time, and waiting for it. The only way the rest of the program learns either, so that a test can set both.
 * All times are integer milliseconds since the Unix epoch.
 */
export type Clock = {
  now(): number;
  /** A reading that only ever grows, in milliseconds with fractions: for durations, which a set clock must not bend. */
  monotonic(): number;
  /** Calls back once after `delay` ms. A pending timer keeps the process alive: whoever sets it calls it off. */
  after(delay: number, callback: () => void): Timer;
};

/** The longest delay a JavaScript timer takes: 2^31 - 1 ms; a longer one would fire at once. */
const longestTimerMs = 2_147_483_647;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delay, callback) {
    const timer = setTimeout(callback, Math.min(Math.max(delay, 0), longestTimerMs));
    return { cancel: () => clearTimeout(timer) };
  },
};

/** A time as ISO 8601 in UTC with milliseconds and `Z`. */
export function isoTime(time: number): string {
  return new Date(time).toISOString();
}

/** A promise that is kept after `delay` ms of this clock. */
export function wait(clock: Clock, delay: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(delay, resolve);
  });
}

/** Waits for `work`, but no longer than `limit` ms. Says whether it was done in time. */
export async function within(clock: Clock, limit: number, work: Promise<unknown>): Promise<boolean> {
  const expired = Promise.withResolvers<boolean>();
  const timer = clock.after(limit, () => expired.resolve(false));
  try {
    return await Promise.race([work.then(() => true), expired.promise]);
  } finally {
    timer.cancel();
  }
}
