import { join } from "node:path";
import type { NewWebhook } from "../../src/features/webhooks/store.ts";
import { newEventId } from "../../src/lib/ids.ts";
import { makeLog } from "../../src/lib/log.ts";
import { parseNetwork } from "../../src/lib/networks.ts";
import { makeOutbound, type Resolve } from "../../src/lib/outbound.ts";
import { systemRandom } from "../../src/lib/random.ts";
import { attemptLimitMs, mostAnswerBytes } from "../../src/outbox/deliver.ts";
import { type Drain, makeDrain, type ObservedAttempt } from "../../src/outbox/drain.ts";
import type { HealthChange, OutboxStore } from "../../src/outbox/store.ts";
import { openSqliteStorage } from "../../src/storage/sqlite/storage.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { freshId, makeAccount, makeUser, makeWebhook, now, secrets } from "../storage/contract.ts";
import { damage, rowsOf } from "./database.ts";
import { type FakeClock, fakeClock } from "./fake-clock.ts";
import { atEnd, temporaryFolder } from "./postern.ts";
import { standardSchedule } from "./standard-schedule.ts";

export type OutboxOptions = {
  clock?: FakeClock;
  schedule?: readonly number[];
  /** Networks that are open to deliveries: loopback unless given. */
  networks?: readonly string[];
  resolve?: Resolve;
  /** Puts something between the loop and its storage. */
  between?(store: OutboxStore): OutboxStore;
};

export type DeliveryRow = {
  id: number;
  eventId: string;
  state: string;
  attempts: number;
  nextAttemptAt: number;
  leaseUntil: number | null;
};
export type AttemptRow = {
  attempt: number;
  sentAt: number;
  answeredAt: number;
  status: number | null;
  error: string | null;
  reason: string | null;
  answer: string | null;
};

/** The loop on a real database, with a clock that the test moves. Jitter is in the middle: waits are exactly the schedule's. */
export type StartedOutbox = {
  clock: FakeClock;
  storage: Storage;
  drain: Drain;
  /** Error lines that the loop wrote. */
  errors: string[];
  healthChanges: HealthChange[];
  addWebhook(url: string, given?: Partial<NewWebhook>): Promise<NewWebhook>;
  /** A login now: one delivery for each webhook. Returns the event's id. */
  login(): Promise<string>;
  /** The next attempt that was recorded; lets a little time pass until then. */
  recorded(): Promise<ObservedAttempt>;
  /** Lets time pass until something has happened: in small steps, and larger ones while nothing is in flight. */
  until<T>(happened: Promise<T>): Promise<T>;
  /** ... or until a condition holds. */
  untilTrue(condition: () => boolean): Promise<void>;
  /** Waits until nothing is in flight; the clock stands still. */
  quiet(): Promise<void>;
  deliveries(webhookId: string): DeliveryRow[];
  attempts(webhookId: string): AttemptRow[];
  /** Changes the database behind the loop's back. */
  sql(statement: string, ...values: (string | number)[]): void;
  /** Another loop on the same storage, as after a restart. */
  another(): Drain;
  stop(): Promise<void>;
};

/** By how many ms of the clock the test moves it while it waits: little at first, and more the longer nothing happens. */
const smallestStep = 10;
const largestStep = 5_000;

export async function startOutbox(options: OutboxOptions = {}): Promise<StartedOutbox> {
  const clock = options.clock ?? fakeClock(now);
  const folder = temporaryFolder();
  const file = join(folder, "postern.db");
  const random = { ...systemRandom, fraction: () => 0.5 };
  const storage = await openSqliteStorage({
    file,
    clock,
    random,
    secrets,
    role: "server",
    mayMigrate: () => true,
  });
  const account = await makeAccount(storage);
  const user = await makeUser(storage, { accountId: account.id });
  const errors: string[] = [];
  const healthChanges: HealthChange[] = [];
  const recorded: ObservedAttempt[] = [];
  let taken = 0;

  const another = () =>
    makeDrain({
      store: options.between?.(storage.outbox) ?? storage.outbox,
      clock,
      random,
      log: makeLog({ level: "error", format: "text", clock, write: (line) => errors.push(line) }),
      config: {
        webhookSchedule: [...(options.schedule ?? standardSchedule)],
        webhookAllowNetworks: (options.networks ?? ["127.0.0.0/8"]).flatMap(
          (text) => parseNetwork(text) ?? [],
        ),
      },
      observe: (attempt) => recorded.push(attempt),
      observeHealth: (change) => healthChanges.push(change),
      ...(options.resolve !== undefined && {
        outbound: makeOutbound({ clock, limit: attemptLimitMs, mostAnswerBytes, resolve: options.resolve }),
      }),
    });
  const drain = another();
  storage.onDeliveries((webhookIds) => drain.wake(webhookIds));

  async function untilTrue(condition: () => boolean): Promise<void> {
    for (let step = smallestStep; !condition(); step = Math.min(step * 1.05, largestStep)) {
      // What is on its way through a socket needs real turns of the event loop, and must not time out meanwhile.
      await clock.advance(drain.counts().inFlight > 0 ? smallestStep : Math.round(step));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  async function until<T>(happened: Promise<T>): Promise<T> {
    let done = false;
    const finished = happened.finally(() => {
      done = true;
    });
    await untilTrue(() => done);
    return finished;
  }

  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= until(drain.stop(8_000)).then(() => storage.close());
    return stopped;
  };
  atEnd(stop);
  await drain.start();

  return {
    clock,
    storage,
    drain,
    errors,
    healthChanges,
    addWebhook: (url, given = {}) => makeWebhook(storage, { accountId: account.id, url, ...given }),
    async login() {
      const at = clock.now();
      const eventId = newEventId(systemRandom, at);
      const outcome = await storage.login.recordLogin({
        identity: Buffer.alloc(32, 1),
        accountId: account.id,
        userId: user.id,
        passwordVersion: 1,
        proof: null,
        session: {
          id: freshId(),
          from: { address: null, origin: null, userAgent: null },
          expiresAt: at + 86_400_000,
        },
        now: at,
        auditId: freshId(),
        eventId,
        recovery: { auditId: freshId(), eventId: newEventId(systemRandom, at) },
      });
      if (outcome.kind !== "logged-in") throw new Error(`the login was refused: ${outcome.kind}`);
      return eventId;
    },
    async recorded() {
      await untilTrue(() => recorded[taken] !== undefined);
      const attempt = recorded[taken];
      if (attempt === undefined) throw new Error("nothing was recorded");
      taken += 1;
      return attempt;
    },
    until,
    untilTrue,
    async quiet() {
      while (drain.counts().inFlight > 0) await new Promise((resolve) => setTimeout(resolve, 1));
    },
    deliveries: (webhookId) =>
      rowsOf(
        folder,
        `SELECT id, event_id AS eventId, state, attempts, next_attempt_at AS nextAttemptAt, lease_until AS leaseUntil
         FROM outbox_deliveries WHERE webhook_id = ? ORDER BY id`,
        webhookId,
      ),
    attempts: (webhookId) =>
      rowsOf(
        folder,
        `SELECT attempt, sent_at AS sentAt, answered_at AS answeredAt, status, error, reason, answer
         FROM delivery_attempts
         WHERE delivery_id IN (SELECT id FROM outbox_deliveries WHERE webhook_id = ?) ORDER BY id`,
        webhookId,
      ),
    sql: (statement, ...values) => damage(folder, statement, ...values),
    another,
    stop,
  };
}
