import type { Clock } from "../lib/clock.ts";
import { type Random, randomToken } from "../lib/random.ts";
import { makeAgenda } from "./agenda.ts";
import { longestHeld } from "./health.ts";
import type { Lane, Lanes } from "./lanes.ts";
import { type Ledger, leaseMs } from "./ledger.ts";
import type { DueWork, OutboxStore } from "./store.ts";

/** Claimed deliveries in memory at most, and how many of these are kept for webhooks that answer well. */
const mostClaimed = 4_096;
const keptForWell = mostClaimed / 4;

/** Of one webhook: so many in one commit, and no more than it can send in a while at its present pace. */
const mostClaimedAtOnce = 256;
const windowsClaimedAtOnce = 8;

/**
 * Deliveries of all webhooks that change their state in one turn: some 5 ms of work in one commit, which logins may
 * share.
 */
const mostChangedInATurn = 512;

/** Of these, how many of one webhook that are to be held, or of all that were held too long. */
const movedAtOnce = 256;

const hourMs = 3_600_000;

export type IntakeDeps = { store: OutboxStore; clock: Clock; random: Random; lanes: Lanes; ledger: Ledger };

/** What brings deliveries from storage into the lanes, and knows when there will be more. */
export type Intake = {
  /** These webhooks may have something new; without any: every webhook may. */
  wake(webhookIds?: readonly string[]): void;
  /**
   * One turn: looks, claims, moves. True when there may be more to do at once. Throws what storage throws, and loses
   * nothing by it.
   */
  turn(): Promise<boolean>;
  /** When `turn` will have something to do by itself, in ms. */
  nextAt(): number;
};

export function makeIntake({ store, clock, random, lanes, ledger }: IntakeDeps): Intake {
  const agenda = makeAgenda();
  let toLook = new Set<string>();
  let lookAtAll = true;
  let reclaimed = false;
  let expireAt = clock.now();

  async function look(): Promise<void> {
    for (const webhookId of agenda.takeDue(clock.now())) toLook.add(webhookId);
    if (!lookAtAll && toLook.size === 0) return;
    const all = lookAtAll;
    const looked = toLook;
    lookAtAll = false;
    toLook = new Set();
    try {
      const found = await store.nextDue(all ? undefined : [...looked]);
      if (all) agenda.clear();
      const foundIds = new Set(found.map(({ webhookId }) => webhookId));
      for (const webhookId of looked) if (!foundIds.has(webhookId)) note(webhookId, undefined);
      for (const work of found) note(work.webhookId, work);
    } catch (error) {
      lookAtAll ||= all;
      for (const webhookId of looked) toLook.add(webhookId);
      throw error;
    }
  }

  function note(webhookId: string, work: DueWork | undefined): void {
    const isDue = work !== undefined && (work.work === "hold" || work.dueAt <= clock.now());
    if (work !== undefined && !isDue) agenda.set(webhookId, work.dueAt);
    else agenda.delete(webhookId);
    const lane = isDue ? lanes.open(webhookId, work.health) : lanes.find(webhookId);
    if (lane === undefined) return;
    lane.due = isDue ? work.work : undefined;
    lanes.refresh(lane);
  }

  async function askForLanes(): Promise<boolean> {
    let claimable = mostClaimed - ledger.size();
    let budget = mostChangedInATurn;
    const asks: Promise<void>[] = [];
    while (claimable > 0 && budget > 0) {
      const lane = lanes.nextToAsk(claimable <= keptForWell);
      if (lane === undefined) break;
      const most = lane.due === "hold" ? movedAtOnce : windowsClaimedAtOnce * lane.pace.window;
      const limit = Math.min(most, mostClaimedAtOnce, claimable, budget);
      claimable -= limit;
      budget -= limit;
      asks.push(ask(lane, limit));
    }
    for (const outcome of await Promise.allSettled(asks)) {
      if (outcome.status === "rejected") throw outcome.reason;
    }
    return asks.length > 0;
  }

  async function ask(lane: Lane, limit: number): Promise<void> {
    lane.asking = true;
    lanes.refresh(lane);
    try {
      const exhausted = await askFor(lane, limit);
      if (exhausted) {
        lane.due = undefined;
        toLook.add(lane.webhookId);
      }
    } finally {
      lane.asking = false;
      lanes.refresh(lane);
    }
  }

  /** True when storage had less than was asked for: what comes next must be looked up. */
  async function askFor({ webhookId, due, waiting }: Lane, limit: number): Promise<boolean> {
    const now = clock.now();
    if (due === "hold") return (await store.hold(webhookId, now, limit)) < limit;
    const request = { webhookId, claim: randomToken(random, 16), now, leaseUntil: now + leaseMs };
    const claimed =
      due === "send"
        ? await store.claimDue({ ...request, limit })
        : [await store.claimProbe(request)].flatMap((probe) => probe ?? []);
    ledger.enter(claimed, request.leaseUntil);
    waiting.push(...claimed);
    return due !== "send" || claimed.length < limit;
  }

  async function expireHeld(): Promise<void> {
    const now = clock.now();
    if (now < expireAt) return;
    const expired = await store.expireHeld(now - longestHeld, now, movedAtOnce);
    if (expired < movedAtOnce) expireAt = now + hourMs;
  }

  return {
    wake(webhookIds) {
      if (webhookIds === undefined) lookAtAll = true;
      else for (const webhookId of webhookIds) toLook.add(webhookId);
    },
    async turn() {
      if (!reclaimed) await store.reclaimAbandoned(clock.now());
      reclaimed = true;
      await expireHeld();
      await look();
      const asked = await askForLanes();
      return asked || lookAtAll || toLook.size > 0 || expireAt <= clock.now();
    },
    nextAt: () => Math.min(agenda.nextAt() ?? Infinity, expireAt),
  };
}
