import { type Clock, systemClock } from "../../src/lib/clock.ts";

export type StoppedClock = Clock & {
  /** Lets so many ms of the day pass, or takes them back. Timers and durations go on in real time. */
  move(by: number): void;
};

/** A time of day that stands still until a test moves it, so that a bound can be met to the millisecond. It begins amid a step of TOTP. */
export function stoppedClock(): StoppedClock {
  let time = Math.floor(systemClock.now() / 30_000) * 30_000 + 15_000;
  return {
    ...systemClock,
    now: () => time,
    move(by) {
      time += by;
    },
  };
}
