import type { Config } from "../config/config.ts";
import { type Clock, type Timer, wait } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";

/** What the sweep asks of storage. Each call is one short transaction. */
export type RetentionStore = {
  /**
   * Looks at the next `limit` events after `cursor`, in the order of their age, and forgets those that are over with
   * their deliveries and attempts: made before `before`, with nothing left to send, and no dead letter that ended
   * after `deadBefore`. Returns where to go on; null at the end.
   */
  forgetEvents(slice: EventSlice): Promise<{ forgotten: number; cursor: EventCursor | null }>;
  /** Forgets up to `limit` sessions that ended or expired before `before`. Returns how many. */
  forgetSessions(slice: { before: number; limit: number }): Promise<number>;
};

/** The last event that was looked at. */
export type EventCursor = { createdAt: number; id: string };

export type EventSlice = { cursor: EventCursor | null; before: number; deadBefore: number; limit: number };

export type Retention = {
  start(): void;
  /** Stops after the slice under way. */
  stop(): Promise<void>;
  /** One sweep over everything. Returns how many events and sessions were forgotten. */
  sweep(): Promise<{ events: number; sessions: number }>;
};

/** How often everything is swept, in ms. Retention is counted in days. */
const sweepEveryMs = 3_600_000;

/** The first sweep lets the start go by, in ms. */
const firstSweepAfterMs = 60_000;

/** Rows of one transaction, and the pause after it in ms: a login waits for one slice at most, some milliseconds. */
const sliceRows = 200;
const slicePauseMs = 20;

/** Ended sessions are kept this long for whoever looks into an incident; nobody can use them. */
const endedSessionsMs = 7 * 24 * 3_600_000;

export type RetentionDeps = {
  store: RetentionStore;
  clock: Clock;
  log: Log;
  config: Pick<Config, "eventRetention" | "deadLetterRetention">;
};

/** Forgets what is over, in small slices: a server at a steady load keeps a steady size. */
export function makeRetention({ store, clock, log, config }: RetentionDeps): Retention {
  let timer: Timer | undefined;
  let running: Promise<unknown> = Promise.resolve();
  let stopping = false;

  async function sweepEvents(): Promise<number> {
    const now = clock.now();
    const limits = {
      before: now - config.eventRetention,
      deadBefore: now - config.deadLetterRetention,
      limit: sliceRows,
    };
    let events = 0;
    let cursor: EventCursor | null = null;
    while (!stopping) {
      const slice: { forgotten: number; cursor: EventCursor | null } = await store.forgetEvents({
        ...limits,
        cursor,
      });
      events += slice.forgotten;
      if (slice.cursor === null) break;
      cursor = slice.cursor;
      await wait(clock, slicePauseMs);
    }
    return events;
  }

  async function sweepSessions(): Promise<number> {
    const before = clock.now() - endedSessionsMs;
    let sessions = 0;
    while (!stopping) {
      const forgotten = await store.forgetSessions({ before, limit: sliceRows });
      sessions += forgotten;
      if (forgotten < sliceRows) break;
      await wait(clock, slicePauseMs);
    }
    return sessions;
  }

  async function sweep() {
    const swept = { events: await sweepEvents(), sessions: await sweepSessions() };
    if (swept.events + swept.sessions > 0) log.info("forgot what is over", swept);
    return swept;
  }

  function schedule(delay: number): void {
    timer = clock.after(delay, () => {
      running = sweep()
        .catch((error: unknown) => log.error("the sweep failed", { error: String(error) }))
        .finally(() => {
          if (!stopping) schedule(sweepEveryMs);
        });
    });
  }

  return {
    start: () => schedule(firstSweepAfterMs),
    async stop() {
      stopping = true;
      timer?.cancel();
      await running;
    },
    sweep,
  };
}
