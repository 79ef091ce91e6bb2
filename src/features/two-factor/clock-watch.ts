import { type Clock, isoTime, type Timer } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";

/** What the watch asks of storage. */
export type ClockStore = {
  /**
   * Notes a time of day and returns the highest that is known from before: one that was noted, or the last audit
   * entry's. What is noted never goes down.
   */
  noteTime(now: number): Promise<number>;
};

export type ClockWatch = {
  /** Looks at once, then hourly. */
  start(): Promise<void>;
  /** Notes the time for the next start, and looks no more. */
  stop(): Promise<void>;
  /** What to tell an operator who asks how the server is; undefined while nothing is wrong. */
  warning(): string | undefined;
};

/** Less is the ordinary work of a time service: 30 s. */
const toleranceMs = 30_000;

const lookEveryMs = 3_600_000;

/**
 * Warns when the system's clock shows less than it once did. Locks and tokens last longer then, and who spent a code
 * of the future must wait for its time to come again (`postern user unlock` helps): replay protection holds, people
 * wonder.
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
  let last: { now: number; monotonic: number } | undefined;

  /**
   * What the clock would show had nobody set it back since the last look: an hour hides whatever is less than an
   * hour.
   */
  function unbent(now: number, monotonic: number): number {
    return last === undefined ? now : Math.max(now, Math.round(last.now + monotonic - last.monotonic));
  }

  /** Notes the time. Says how far the clock is behind the highest one, which is answered too. */
  async function note(): Promise<{ back: number; highest: number }> {
    const [now, monotonic] = [clock.now(), clock.monotonic()];
    const shown = unbent(now, monotonic);
    last = { now, monotonic };
    const highest = Math.max(shown, await store.noteTime(shown));
    return { back: highest - now, highest };
  }

  async function look(): Promise<void> {
    const { back, highest } = await note();
    const wasWell = warning === undefined;
    warning =
      back > toleranceMs
        ? `The system's clock went back by ${Math.round(back / 1_000)} s: it was ${isoTime(highest)} before. Codes that were used since are refused until then; postern user unlock lets a user in.`
        : undefined;
    if (warning !== undefined && wasWell)
      log.warn("the clock went back", { seconds: Math.round(back / 1_000), highest: isoTime(highest) });
  }

  const unnoted = (error: unknown) => log.error("the time cannot be noted", { error: String(error) });

  function schedule(): void {
    if (stopped) return;
    timer = clock.after(lookEveryMs, () => {
      look().catch(unnoted).finally(schedule);
    });
  }

  return {
    async start() {
      await look();
      schedule();
    },
    async stop() {
      stopped = true;
      timer?.cancel();
      await note().catch(unnoted);
    },
    warning: () => warning,
  };
}
