import type { Config } from "../config/config.ts";
import { type Clock, type Timer, within } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { makeOutbound, type Outbound } from "../lib/outbound.ts";
import type { Random } from "../lib/random.ts";
import { attemptLimitMs, type Ending, makeDeliver, mostAnswerBytes } from "./deliver.ts";
import { makeIntake } from "./intake.ts";
import { type Lane, makeLanes, type Place } from "./lanes.ts";
import { makeLedger } from "./ledger.ts";
import { paceAfter } from "./pace.ts";
import type { ClaimedDelivery, Completion, CompletionSummary, HealthChange, OutboxStore } from "./store.ts";

/** What an attempt that this server's own fault ended counts as: the webhook rests a moment before the next. */
const ownFault = { succeeded: false, tookMs: 0, retryAfterMs: 0 };

/** After storage failed the loop goes on after this long, in ms. */
const pauseAfterFailureMs = 1_000;

/**
 * Timers know nothing of a clock that was set forward: at least this often (ms) the time of day is compared with what
 * is due.
 */
const longestAlarmMs = 60_000;

export type DrainDeps = {
  store: OutboxStore;
  clock: Clock;
  random: Random;
  log: Log;
  config: Pick<Config, "webhookSchedule" | "webhookAllowNetworks">;
  /** Told of every attempt, and of every change of a webhook's health, once it is recorded: for metrics. */
  observe?(attempt: ObservedAttempt): void;
  observeHealth?(change: HealthChange): void;
  /** The network; the real one if absent. */
  outbound?: Outbound;
};

export type ObservedAttempt = {
  webhookId: string;
  eventId: string;
  outcome: Completion["outcome"]["kind"];
  /** How long it took, and how long after it was due it began. */
  seconds: number;
  lateSeconds: number;
};

/** The loop that sends what the outbox holds. */
export type Drain = {
  start(): Promise<void>;
  /** These webhooks have new deliveries; without any: storage was changed by somebody else. */
  wake(webhookIds?: readonly string[]): void;
  /**
   * Stops claiming, gives attempts in flight `patience` ms to end, and puts back what has not: the attempt is not
   * counted.
   */
  stop(patience: number): Promise<void>;
  /** For metrics: attempts in flight, and deliveries claimed in all. */
  counts(): { inFlight: number; claimed: number };
};

export function makeDrain(deps: DrainDeps): Drain {
  const { store, clock, random, log, config } = deps;
  const lanes = makeLanes(clock, () => {
    sendAll();
    kick();
  });
  const ledger = makeLedger({
    store,
    clock,
    log,
    isQuiet: () => lanes.inFlight() === 0,
    onRecorded,
    onReleased: (deliveries) => wake(deliveries.map(({ webhookId }) => webhookId)),
    onLost,
  });
  const intake = makeIntake({ store, clock, random, lanes, ledger });
  const { webhookSchedule: schedule, webhookAllowNetworks: networks } = config;
  const outbound = deps.outbound ?? makeOutbound({ clock, limit: attemptLimitMs, mostAnswerBytes });
  const deliver = makeDeliver({ store, outbound, clock, random, schedule, networks });
  const givingUp = new AbortController();
  const attempts = new Set<Promise<void>>();
  let running: Promise<void> | undefined;
  let again = false;
  let stopping = false;
  let pause: Timer | undefined;
  let alarm: { at: number; timer: Timer } | undefined;

  function wake(webhookIds?: readonly string[]): void {
    intake.wake(webhookIds);
    kick();
  }

  function kick(): void {
    if (stopping || pause !== undefined) return;
    again = true;
    running ??= run().finally(() => {
      running = undefined;
      if (again) kick();
    });
  }

  async function run(): Promise<void> {
    try {
      while (again && !stopping) {
        again = false;
        if (await intake.turn()) again = true;
        sendAll();
      }
      setAlarm();
    } catch (error) {
      log.error("Webhook deliveries cannot be read", { error: messageOf(error) });
      pause = clock.after(pauseAfterFailureMs, () => {
        pause = undefined;
        kick();
      });
    }
  }

  function setAlarm(): void {
    const at = intake.nextAt();
    if (stopping || at === alarm?.at) return;
    alarm?.timer.cancel();
    const timer = clock.after(Math.min(Math.max(at - clock.now(), 0), longestAlarmMs), () => {
      alarm = undefined;
      kick();
    });
    alarm = { at, timer };
  }

  function sendAll(): void {
    if (stopping) return;
    for (let place = lanes.nextToSend(); place !== undefined; place = lanes.nextToSend()) {
      const running = attempt(place).finally(() => attempts.delete(running));
      attempts.add(running);
    }
  }

  async function attempt({ lane, delivery, leave }: Place): Promise<void> {
    let ending: Ending | undefined;
    try {
      ending = await deliver(delivery, givingUp.signal);
    } catch (error) {
      log.error("A webhook delivery cannot be sent", {
        webhook: lane.webhookId,
        event: delivery.eventId,
        error: messageOf(error),
      });
    }
    leave();
    conclude(lane, delivery, ending);
    lanes.refresh(lane);
    sendAll();
    kick();
  }

  function conclude(lane: Lane, delivery: ClaimedDelivery, ending: Ending | undefined): void {
    if (ending === undefined) {
      lane.pace = paceAfter(lane.pace, ownFault, clock.monotonic());
      ledger.putBack([delivery]);
    } else if (ending.kind === "judged") {
      const succeeded = ending.completion.outcome.kind === "delivered";
      lane.pace = paceAfter(lane.pace, { ...ending, succeeded }, clock.monotonic());
      // A long rest is spent in storage, where a restart or another URL finds them.
      if (ending.retryAfterMs > 0) putBackWaiting(lane);
      ledger.complete(ending.completion);
    } else if (ending.kind === "forgotten") {
      for (const gone of [delivery, ...lane.waiting.splice(0)]) ledger.forget(gone);
    } else {
      ledger.putBack([delivery]);
      if (ending.because === "not-ready") putBackWaiting(lane);
    }
  }

  function putBackWaiting(lane: Lane): void {
    ledger.putBack(lane.waiting.splice(0));
    lanes.refresh(lane);
  }

  function onRecorded(completions: readonly Completion[], summary: CompletionSummary): void {
    for (const change of summary.healthChanges) onHealthChange(change);
    const toLook = completions.filter(({ delivery, outcome }) => outcome.kind === "retry" || delivery.probe);
    wake(toLook.map(({ delivery }) => delivery.webhookId));
    if (deps.observe !== undefined) completions.map(observed).forEach(deps.observe);
  }

  function onHealthChange({ webhookId, from, to, reason }: HealthChange): void {
    const level = to === "suspended" ? "warn" : "info";
    log[level](`A webhook is ${to}`, { webhook: webhookId, was: from, reason });
    const lane = lanes.find(webhookId);
    if (to === "suspended" && lane !== undefined) putBackWaiting(lane);
    intake.wake([webhookId]);
    deps.observeHealth?.({ webhookId, from, to, reason });
  }

  function onLost(deliveries: readonly ClaimedDelivery[]): void {
    const lost = new Set(deliveries.map(({ id }) => id));
    for (const webhookId of new Set(deliveries.map((delivery) => delivery.webhookId))) {
      const lane = lanes.find(webhookId);
      if (lane === undefined) continue;
      lane.waiting = lane.waiting.filter(({ id }) => !lost.has(id));
      lanes.refresh(lane);
    }
  }

  return {
    async start() {
      kick();
    },
    wake,
    async stop(patience) {
      stopping = true;
      await running;
      pause?.cancel();
      alarm?.timer.cancel();
      lanes.close();
      for (const lane of lanes.all()) ledger.putBack(lane.waiting.splice(0));
      await within(clock, patience, Promise.all(attempts));
      givingUp.abort();
      await Promise.all(attempts);
      await ledger.stop();
    },
    counts: () => ({ inFlight: lanes.inFlight(), claimed: ledger.size() }),
  };
}

function observed({ delivery, record, outcome }: Completion): ObservedAttempt {
  return {
    webhookId: delivery.webhookId,
    eventId: delivery.eventId,
    outcome: outcome.kind,
    seconds: (record.answeredAt - record.sentAt) / 1_000,
    lateSeconds: Math.max(record.sentAt - delivery.dueAt, 0) / 1_000,
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
