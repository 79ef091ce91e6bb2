import type { WebhookHealth } from "../features/webhooks/model.ts";
import type { Clock } from "../lib/clock.ts";
import { type Pace, startingPace } from "./pace.ts";
import type { ClaimedDelivery, DueWork } from "./store.ts";

/** Deliveries in flight at a time, and how many of these places are kept for webhooks that answer well. */
const mostInFlight = 128;
const keptForWell = mostInFlight / 4;

/** Idle lanes that are remembered, so that a slow receiver does not begin at full speed again with each delivery. */
const mostRemembered = 10_000;

/** One webhook's way through the loop, as long as there is something to do for it. */
export type Lane = {
  readonly webhookId: string;
  pace: Pace;
  /** Claimed deliveries that wait for their turn, the next one first. */
  waiting: ClaimedDelivery[];
  inFlight: number;
  /** What storage has ready for it beyond what is claimed. */
  due: DueWork["work"] | undefined;
  /** Whether storage is being asked for it right now. */
  asking: boolean;
};

/** A place among those in flight, to be given back. */
export type Place = { lane: Lane; delivery: ClaimedDelivery; leave(): void };

export type Lanes = {
  open(webhookId: string, health: WebhookHealth): Lane;
  find(webhookId: string): Lane | undefined;
  /**
   * To be called after every change to a lane: gives it its turns, or forgets it in time when it has nothing left to
   * do.
   */
  refresh(lane: Lane): void;
  /** The next delivery whose turn it is, if a place is free. */
  nextToSend(): Place | undefined;
  /**
   * The next lane that storage should be asked for; only one that answers well if `wellOnly`. It stands at the end
   * afterwards.
   */
  nextToAsk(wellOnly: boolean): Lane | undefined;
  inFlight(): number;
  all(): Iterable<Lane>;
  /** Calls off all rests: nothing more is sent. */
  close(): void;
};

/** `onRested` is told when a lane's rest is over. */
export function makeLanes(clock: Clock, onRested: () => void): Lanes {
  const lanes = new Map<string, Lane>();
  /** Lanes with nothing to do whose receivers do not answer well, the longest idle first. */
  const remembered = new Set<Lane>();
  const resting = new Map<Lane, ReturnType<Clock["after"]>>();
  const toSend = makeTurns();
  const toAsk = makeTurns();
  let inFlight = 0;
  let inFlightUnwell = 0;

  function refresh(lane: Lane): void {
    const rest = lane.pace.restUntil - clock.monotonic();
    if (rest > 0) restUntilLater(lane, rest);
    const awake = rest <= 0;
    const { window } = lane.pace;
    toSend.put(lane, awake && lane.waiting.length > 0 && lane.inFlight < window);
    // Asked for again before it runs dry, so that it never waits for a commit.
    toAsk.put(lane, awake && lane.due !== undefined && !lane.asking && lane.waiting.length <= window);
    remembered.delete(lane);
    const idle = lane.waiting.length === 0 && lane.inFlight === 0 && lane.due === undefined && !lane.asking;
    if (!idle || !awake) return;
    if (lane.pace.well) lanes.delete(lane.webhookId);
    else remember(lane);
  }

  function remember(lane: Lane): void {
    remembered.add(lane);
    const [longestIdle] = remembered;
    if (longestIdle === undefined || remembered.size <= mostRemembered) return;
    remembered.delete(longestIdle);
    lanes.delete(longestIdle.webhookId);
  }

  function restUntilLater(lane: Lane, rest: number): void {
    resting.get(lane)?.cancel();
    const timer = clock.after(rest, () => {
      resting.delete(lane);
      refresh(lane);
      onRested();
    });
    resting.set(lane, timer);
  }

  function take(lane: Lane, delivery: ClaimedDelivery): Place {
    const { well } = lane.pace;
    inFlight += 1;
    if (!well) inFlightUnwell += 1;
    lane.inFlight += 1;
    return {
      lane,
      delivery,
      leave() {
        inFlight -= 1;
        if (!well) inFlightUnwell -= 1;
        lane.inFlight -= 1;
      },
    };
  }

  return {
    open(webhookId, health) {
      const known = lanes.get(webhookId);
      if (known !== undefined) return known;
      const lane: Lane = {
        webhookId,
        pace: startingPace(health),
        waiting: [],
        inFlight: 0,
        due: undefined,
        asking: false,
      };
      lanes.set(webhookId, lane);
      return lane;
    },
    find: (webhookId) => lanes.get(webhookId),
    refresh,
    nextToSend() {
      if (inFlight >= mostInFlight) return undefined;
      const lane = toSend.next(inFlightUnwell >= mostInFlight - keptForWell);
      const delivery = lane?.waiting.shift();
      if (lane === undefined || delivery === undefined) return undefined;
      const place = take(lane, delivery);
      refresh(lane);
      return place;
    },
    nextToAsk: (wellOnly) => toAsk.next(wellOnly),
    inFlight: () => inFlight,
    all: () => lanes.values(),
    close() {
      for (const timer of resting.values()) timer.cancel();
    },
  };
}

/** Lanes that wait for something, in the order in which they came; those that answer well and the others turn about. */
function makeTurns() {
  const well = new Set<Lane>();
  const unwell = new Set<Lane>();
  let wellNext = true;

  /** Keeps the place of a lane that waits already. */
  function put(lane: Lane, waits: boolean): void {
    const [own, other] = lane.pace.well ? [well, unwell] : [unwell, well];
    other.delete(lane);
    if (waits) own.add(lane);
    else own.delete(lane);
  }

  function next(wellOnly: boolean): Lane | undefined {
    wellNext = !wellNext || wellOnly;
    const [first] = wellNext ? well : unwell;
    const [second] = wellNext ? unwell : well;
    const lane = first ?? (wellOnly ? undefined : second);
    if (lane !== undefined) {
      put(lane, false);
      put(lane, true);
    }
    return lane;
  }

  return { put, next };
}
