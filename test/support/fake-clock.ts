import type { Clock, Timer } from "../../src/lib/clock.ts";

/** A clock that stands still until a test moves it. */
export type FakeClock = Clock & {
  /**
   * Lets `duration` ms pass: timers fire in the order of their times, each at its own time, and what they set off settles in
   * between. What waits for a socket or a disk may need longer: wait for its effect.
   */
  advance(duration: number): Promise<void>;
  /** Sets the time of day, as an operator or NTP does. No time passes: timers and `monotonic` notice nothing. */
  jump(difference: number): void;
  /** Timers that have neither fired nor been called off. */
  pending(): number;
};

const startOfTests = Date.UTC(2026, 0, 1, 12);

export function fakeClock(start = startOfTests): FakeClock {
  let time = start;
  let elapsed = 0;
  const timers = new Set<{ at: number; callback: () => void }>();

  function pass(duration: number): void {
    elapsed += duration;
    time += duration;
  }

  function firstUntil(end: number) {
    let first: { at: number; callback: () => void } | undefined;
    for (const timer of timers) {
      if (timer.at <= end && (first === undefined || timer.at < first.at)) first = timer;
    }
    return first;
  }

  return {
    now: () => time,
    monotonic: () => elapsed,
    after(delay, callback): Timer {
      const timer = { at: elapsed + Math.max(delay, 0), callback };
      timers.add(timer);
      return { cancel: () => timers.delete(timer) };
    },
    async advance(duration) {
      const end = elapsed + duration;
      await settle();
      for (let timer = firstUntil(end); timer !== undefined; timer = firstUntil(end)) {
        timers.delete(timer);
        pass(Math.max(timer.at - elapsed, 0));
        timer.callback();
        await settle();
      }
      pass(end - elapsed);
      await settle();
    },
    jump(difference) {
      time += difference;
    },
    pending: () => timers.size,
  };
}

/** Turns of the event loop that are enough for promises and group commits to run to their end. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
