import { type Clock, systemClock } from "../../src/lib/clock.ts";

export type MovableClock = Clock & {
  /** Moves the time by so many ms, ahead or back. Timers go on in real time. */
  move(by: number): void;
};

/** The system's clock with an offset that a test moves: for rules that ask what time it is, not for waiting. */
export function movableClock(): MovableClock {
  let offset = 0;
  return {
    ...systemClock,
    now: () => systemClock.now() + offset,
    move(by) {
      offset += by;
    },
  };
}
