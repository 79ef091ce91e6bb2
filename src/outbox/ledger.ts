import type { Clock, Timer } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { ClaimedDelivery, Completion, CompletionSummary, OutboxStore } from "./store.ts";

/** Completions are written when this many wait, or after this long (ms), or at once when nothing else is in flight. */
const batchToWriteAtOnce = 64;
const longestBatchWaitMs = 10;
/** One transaction holds at most this many: logins share its commit and wait for it. */
const largestBatch = 128;

/** After a failure storage is asked again after this long, in ms. */
const pauseAfterFailureMs = 1_000;

export const leaseMs = 30_000;
/** Leases are looked at three times before they end, and renewed when less than two thirds are left. */
const renewEveryMs = leaseMs / 3;
const renewBelowMs = (2 * leaseMs) / 3;
const renewedAtOnce = 256;

export type LedgerDeps = {
  store: Pick<OutboxStore, "complete" | "release" | "renewLeases">;
  clock: Clock;
  log: Log;
  /** Whether nothing is in flight that a batch could wait for. */
  isQuiet(): boolean;
  /** Told after the commit. */
  onRecorded(completions: readonly Completion[], summary: CompletionSummary): void;
  /** Told after the commit: these wait in storage again. */
  onReleased(deliveries: readonly ClaimedDelivery[]): void;
  /** Told of deliveries whose claim was lost: somebody else has them. */
  onLost(deliveries: readonly ClaimedDelivery[]): void;
};

/**
 * Everything this process has claimed, and what it still owes storage for it. What cannot be written now is written
 * later.
 */
export type Ledger = {
  enter(deliveries: readonly ClaimedDelivery[], leaseUntil: number): void;
  complete(completion: Completion): void;
  putBack(deliveries: readonly ClaimedDelivery[]): void;
  /** Of a delivery that exists no longer. */
  forget(delivery: ClaimedDelivery): void;
  /** Deliveries that are claimed and not yet recorded or put back. */
  size(): number;
  /** Writes all that is owed. Tries once: what fails stays claimed, and the next start takes it back. */
  stop(): Promise<void>;
};

type Lease = { delivery: ClaimedDelivery; leaseUntil: number };

export function makeLedger({
  store,
  clock,
  log,
  isQuiet,
  onRecorded,
  onReleased,
  onLost,
}: LedgerDeps): Ledger {
  const leases = new Map<number, Lease>();
  let completions: Completion[] = [];
  let released: ClaimedDelivery[] = [];
  let batchSize = largestBatch;
  let writing: Promise<void> | undefined;
  let batchTimer: Timer | undefined;
  let pauseTimer: Timer | undefined;
  let renewTimer: Timer | undefined;
  let stopped = false;

  /** Only the claim that was settled: the delivery may have been lost and claimed again. */
  function settle({ id, claim }: ClaimedDelivery): void {
    if (leases.get(id)?.delivery.claim === claim) leases.delete(id);
  }

  async function writeCompletions(): Promise<void> {
    const batch = completions.slice(0, batchSize);
    completions = completions.slice(batch.length);
    let summary: CompletionSummary;
    try {
      summary = await store.complete(batch);
    } catch (error) {
      // One that can never be written must not hold up the others: smaller batches, and these last.
      batchSize = Math.max(Math.floor(batchSize / 2), 1);
      completions.push(...batch);
      throw error;
    }
    batchSize = largestBatch;
    for (const { delivery } of batch) settle(delivery);
    onRecorded(batch, summary);
  }

  async function writeReleases(): Promise<void> {
    const batch = released.slice(0, largestBatch);
    await store.release(batch);
    released = released.slice(batch.length);
    for (const delivery of batch) settle(delivery);
    onReleased(batch);
  }

  async function writeAll(): Promise<void> {
    batchTimer?.cancel();
    batchTimer = undefined;
    try {
      while (completions.length + released.length > 0) {
        if (completions.length > 0) await writeCompletions();
        if (released.length > 0) await writeReleases();
      }
    } catch (error) {
      log.error("The outcome of webhook deliveries cannot be written", { error: messageOf(error) });
      pauseTimer = clock.after(pauseAfterFailureMs, () => {
        pauseTimer = undefined;
        writeSoon();
      });
    }
  }

  function writeNow(): Promise<void> {
    writing ??= writeAll().then(() => {
      writing = undefined;
      if (completions.length + released.length > 0) writeSoon();
    });
    return writing;
  }

  function writeSoon(): void {
    if (writing !== undefined || pauseTimer !== undefined) return;
    if (isQuiet() || completions.length >= batchToWriteAtOnce) void writeNow();
    else batchTimer ??= clock.after(longestBatchWaitMs, () => void writeNow());
  }

  async function renew(): Promise<void> {
    const now = clock.now();
    const ending = [...leases.values()].filter(({ leaseUntil }) => leaseUntil - now < renewBelowMs);
    for (let start = 0; start < ending.length; start += renewedAtOnce) {
      const slice = ending.slice(start, start + renewedAtOnce);
      const leaseUntil = clock.now() + leaseMs;
      const ours = new Set(
        await store.renewLeases(
          slice.map(({ delivery }) => delivery),
          leaseUntil,
        ),
      );
      const lost: ClaimedDelivery[] = [];
      for (const lease of slice) {
        lease.leaseUntil = leaseUntil;
        const { delivery } = lease;
        // One that was recorded or put back meanwhile was not lost.
        if (!ours.has(delivery.id) && leases.get(delivery.id) === lease) lost.push(delivery);
      }
      lost.forEach(settle);
      if (lost.length > 0) onLost(lost);
    }
  }

  /** As long as there are leases. */
  function renewLater(): void {
    renewTimer ??= clock.after(renewEveryMs, async () => {
      try {
        await renew();
      } catch (error) {
        log.error("The claims on webhook deliveries cannot be renewed", { error: messageOf(error) });
      }
      renewTimer = undefined;
      if (leases.size > 0 && !stopped) renewLater();
    });
  }

  return {
    enter(deliveries, leaseUntil) {
      for (const delivery of deliveries) leases.set(delivery.id, { delivery, leaseUntil });
      if (deliveries.length > 0) renewLater();
    },
    complete(completion) {
      completions.push(completion);
      writeSoon();
    },
    putBack(deliveries) {
      released.push(...deliveries);
      if (deliveries.length > 0) writeSoon();
    },
    forget: settle,
    size: () => leases.size,
    async stop() {
      stopped = true;
      renewTimer?.cancel();
      if (writing !== undefined) await writing;
      pauseTimer?.cancel();
      await writeNow();
      pauseTimer?.cancel();
    },
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
