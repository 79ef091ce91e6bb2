import type { Clock } from "./clock.ts";

export type Gathering = {
  /** Waits for the next release: at the latest `limit` ms after the first who waits for it came. */
  join(): Promise<void>;
  /** Lets all who wait go on. */
  release(): void;
};

/** A place where work that arrives piece by piece waits a moment, so that it goes on together. */
export function makeGathering(clock: Clock, limit: number): Gathering {
  let open: { released: PromiseWithResolvers<void>; cancel(): void } | undefined;

  function release(): void {
    open?.cancel();
    open?.released.resolve();
    open = undefined;
  }

  return {
    release,
    join() {
      open ??= { released: Promise.withResolvers(), ...clock.after(limit, release) };
      return open.released.promise;
    },
  };
}
