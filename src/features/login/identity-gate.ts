import type { FailureRecord } from "./lockout.ts";
import { triesLeft } from "./lockout.ts";

/** What a try may do: run, knowing the failures so far, or not at all, since the identity is locked. */
export type Entry = { kind: "admitted" | "locked"; failures: FailureRecord };

/** One try of an identity: its turn, and how it leaves. */
export type Place = { entry: Promise<Entry>; leave(): void };

export type IdentityGate = {
  /**
   * Takes a place among the tries of this identity. As many run at a time as tries remain, since each may fail; the
   * others wait in order. So of fifty wrong guesses at once five are verified, and of fifty right logins at once none
   * is refused.
   */
  enter(identity: Uint8Array): Place;
};

type Waiter = { answer(entry: Entry): void; fail(error: unknown): void };

type Queue = {
  identity: Uint8Array;
  running: number;
  waiters: Waiter[];
  /** Moves whenever somebody leaves: a record that was read before may lack that one's failure. */
  version: number;
  reading: boolean;
};

/**
 * The gate of this process. Storage asks the same question again when a result is recorded, so that several processes
 * together cannot learn more than the limit; the gate keeps superfluous guesses from the hash at all.
 */
export function makeIdentityGate(
  readFailures: (identity: Uint8Array) => Promise<FailureRecord>,
  now: () => number,
): IdentityGate {
  const queues = new Map<string, Queue>();

  /** Lets in as many as the record allows. One reader at a time; if somebody left while it read, it reads again. */
  async function admitNext(queue: Queue): Promise<void> {
    if (queue.reading) return;
    queue.reading = true;
    try {
      for (;;) {
        const version = queue.version;
        const failures = await readFailures(queue.identity);
        if (version === queue.version) return admit(queue, failures);
      }
    } catch (error) {
      for (const waiter of queue.waiters.splice(0)) waiter.fail(error);
    } finally {
      queue.reading = false;
    }
  }

  function admit(queue: Queue, failures: FailureRecord): void {
    const tries = triesLeft(failures, now());
    if (tries === 0) {
      for (const waiter of queue.waiters.splice(0)) waiter.answer({ kind: "locked", failures });
      return;
    }
    const admitted = queue.waiters.splice(0, Math.max(0, tries - queue.running));
    queue.running += admitted.length;
    for (const waiter of admitted) waiter.answer({ kind: "admitted", failures });
  }

  function queueOf(identity: Uint8Array): [string, Queue] {
    const key = Buffer.from(identity).toString("base64");
    const queue = queues.get(key) ?? { identity, running: 0, waiters: [], version: 0, reading: false };
    queues.set(key, queue);
    return [key, queue];
  }

  return {
    enter(identity) {
      const [key, queue] = queueOf(identity);
      const turn = Promise.withResolvers<Entry>();
      let inside = false;
      const waiter: Waiter = {
        fail: turn.reject,
        answer(entry) {
          inside = entry.kind === "admitted";
          turn.resolve(entry);
        },
      };
      queue.waiters.push(waiter);
      void admitNext(queue);
      return {
        entry: turn.promise,
        leave() {
          if (inside) queue.running -= 1;
          else queue.waiters = queue.waiters.filter((other) => other !== waiter);
          queue.version += 1;
          if (queue.running === 0 && queue.waiters.length === 0) queues.delete(key);
          else void admitNext(queue);
        },
      };
    },
  };
}
