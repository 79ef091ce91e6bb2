import type { Clock } from "./clock.ts";
import { ApiError } from "./errors.ts";
import { makeGathering } from "./gathering.ts";

/** Nobody waits longer than this for a hash: a login that takes longer has been given up by its user. */
const longestWaitMs = 5_000;

/**
 * How long a finished hash may wait for others while requests queue up for theirs, in ms: about four on two cores. What
 * a login has still to do then runs warm and ends in one commit, at half the cost: hashing leaves nothing else in the
 * processor's caches.
 */
const gatheringMs = 50;

/** How much a new measurement moves the average: the last ten or so count. */
const averageWeight = 0.1;

export type HashingQueueOptions = {
  clock: Clock;
  /** Hashes that run at a time: one a core, since each fills one. */
  concurrency: number;
  /** How many may wait; undefined: as many as 5 s are enough for, by the measured speed. */
  bound: number | undefined;
};

/** The place of one request in the queue. */
export type Admission = {
  /**
   * Waits for its turn, first come first served, then does the work. Throws SERVER_BUSY when 5 s were not enough,
   * RequestGone when the client hung up.
   */
  run<T>(work: () => Promise<T>): Promise<T>;
  /** Waits for something else that ends with `SERVER_BUSY` or `RequestGone` in the same cases. */
  guard<T>(waiting: Promise<T>): Promise<T>;
  /** Leaves the queue. Must be called once, whatever happened. */
  leave(): void;
};

export type HashingQueue = {
  /** Takes a place. Throws SERVER_BUSY at once when so many wait that this one could not be served within 5 s. */
  admit(signal?: AbortSignal): Admission;
  /** Tells the queue how long one hash takes, in ms, before the first was measured. */
  expect(duration: number): void;
  /** How many run, and how many wait or are about to. */
  load(): { running: number; waiting: number; bound: number };
};

/** The client hung up: there is nobody left to answer. */
export class RequestGone extends Error {
  constructor() {
    super("the client hung up");
    this.name = "RequestGone";
  }
}

/**
 * The queue in front of password hashing. Bun's own has no bound, no way to leave it and no order: at 16 callers its
 * p99 is three times its median, and a client that hung up is hashed for all the same.
 */
export function makeHashingQueue({ clock, concurrency, bound }: HashingQueueOptions): HashingQueue {
  let averageMs = 50;
  let running = 0;
  let admitted = 0;
  const turns: (() => void)[] = [];
  const finished = makeGathering(clock, gatheringMs);

  const currentBound = () =>
    bound ?? Math.max(concurrency, Math.floor((longestWaitMs * concurrency) / averageMs));
  const busy = () =>
    new ApiError("SERVER_BUSY", undefined, {
      retryAfterSeconds: Math.max(1, Math.ceil((admitted * averageMs) / concurrency / 1_000)),
    });

  /** Gives free places to those who wait, in order. The place is taken here, not when the waiter wakes up to use it. */
  function next(): void {
    while (running < concurrency) {
      const grant = turns.shift();
      if (grant === undefined) return;
      running += 1;
      grant();
    }
  }

  async function takeTurn(ended: Promise<never>): Promise<void> {
    const turn = Promise.withResolvers<void>();
    turns.push(turn.resolve);
    next();
    try {
      // Who is gone already loses a turn that comes in the same moment: `ended` stands first.
      await Promise.race([ended, turn.promise]);
    } catch (error) {
      const place = turns.indexOf(turn.resolve);
      if (place >= 0) turns.splice(place, 1);
      else giveBack();
      throw error;
    }
  }

  async function measured<T>(work: () => Promise<T>): Promise<T> {
    const begun = clock.monotonic();
    try {
      return await work();
    } finally {
      averageMs += averageWeight * (clock.monotonic() - begun - averageMs);
    }
  }

  function giveBack(): void {
    running -= 1;
    next();
  }

  function admit(signal?: AbortSignal): Admission {
    if (admitted - running >= currentBound()) throw busy();
    admitted += 1;
    const { promise: ended, reject } = Promise.withResolvers<never>();
    ended.catch(() => {});
    const deadline = clock.after(longestWaitMs, () => reject(busy()));
    const gone = () => reject(new RequestGone());
    if (signal?.aborted) gone();
    else signal?.addEventListener("abort", gone, { once: true });
    return {
      guard: (waiting) => Promise.race([waiting, ended]),
      async run(work) {
        await takeTurn(ended);
        try {
          return await measured(work);
        } finally {
          giveBack();
          // Nobody waits for a turn: those who gather may be what the next ones wait for.
          if (turns.length === 0) finished.release();
          else await finished.join();
        }
      },
      leave() {
        admitted -= 1;
        deadline.cancel();
        signal?.removeEventListener("abort", gone);
      },
    };
  }

  return {
    admit,
    expect(duration) {
      averageMs = duration;
    },
    load: () => ({ running, waiting: admitted - running, bound: currentBound() }),
  };
}
