import { type Clock, isoTime, type Timer } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";

/** What the watch asks of storage. */
export type ClockStore = {
  /** Notes the time of day and returns the highest that was noted before. It never goes down. */
  noteTime(now: number): Promise<number>;
};

export type ClockWatch = {
  /** Looks at once, then hourly. */
  start(): Promise<void>;
  stop(): void;
  /** What to tell an operator who asks how the server is; undefined while nothing is wrong. */
  warning(): string | undefined;
};

/** Less is the ordinary work of a time service: 30 s. */
const toleranceMs = 30_000;

const lookEveryMs = 3_600_000;

/**
 * Warns when the system's clock shows less than it once did. Locks and tokens last longer then, and who spent a code of the future must wait for its time to
 * come again (`postern user unlock` helps): replay protection holds, people wonder.
 */
export function makeClockWatch({
  store,
  clock,
  log,
}: {
  store: ClockStore;
  clock: Clock;
  log: Log;
}): ClockWatch {
  let timer: Timer | undefined;
  let warning: string | undefined;
  let stopped = false;

  async function look(): Promise<void> {
    const now = clock.now();
    const highest = await store.noteTime(now);
    const back = highest - now;
    const wasWell = warning === undefined;
    warning =
      back > toleranceMs
        ? `The system's clock went back by ${Math.round(back / 1_000)} s: it was ${isoTime(highest)} before. Codes that were used since are refused until then; postern user unlock lets a user in.`
        : undefined;
    if (warning !== undefined && wasWell)
      log.warn("the clock went back", { seconds: Math.round(back / 1_000), highest: isoTime(highest) });
  }

  function schedule(): void {
    if (stopped) return;
    timer = clock.after(lookEveryMs, () => {
      look()
        .catch((error: unknown) => log.error("the time cannot be noted", { error: String(error) }))
        .finally(schedule);
    });
  }

  return {
    async start() {
      await look();
      schedule();
    },
    stop() {
      stopped = true;
      timer?.cancel();
    },
    warning: () => warning,
  };
}
