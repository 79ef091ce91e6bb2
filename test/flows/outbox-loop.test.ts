import { afterEach, describe, expect, test } from "bun:test";
import { ApiError } from "../../src/lib/errors.ts";
import type { OutboxStore } from "../../src/outbox/store.ts";
import { type OutboxOptions, type StartedOutbox, startOutbox } from "../support/outbox.ts";
import { type Receiver, startReceiver } from "../support/receiver.ts";

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

const toClose: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of toClose.splice(0).reverse()) await close();
});

async function start(options: OutboxOptions = {}): Promise<StartedOutbox> {
  const outbox = await startOutbox(options);
  toClose.push(outbox.stop);
  return outbox;
}

async function receiverOf(
  behaviour: Parameters<Receiver["behave"]>[0] = { kind: "answer" },
): Promise<Receiver> {
  const receiver = await startReceiver();
  receiver.behave(behaviour);
  toClose.push(receiver.close);
  return receiver;
}

describe("a receiver that is dead", () => {
  for (const kind of ["never-answer", "close"] as const) {
    test(`(${kind}) does not delay another, though hundreds of its deliveries wait`, async () => {
      const outbox = await start();
      const dead = await receiverOf({ kind });
      const { id } = await outbox.addWebhook(dead.url);
      for (let index = 0; index < 300; index += 1) await outbox.login();
      await dead.next();
      const prompt = await receiverOf();
      await outbox.addWebhook(prompt.url);
      const before = outbox.clock.now();
      const eventId = await outbox.login();
      expect((await outbox.until(prompt.next())).headers.get("webhook-id")).toBe(eventId);
      expect(outbox.clock.now() - before).toBeLessThan(second);
      expect(outbox.deliveries(id).filter(({ state }) => state === "delivered")).toEqual([]);
    });
  }

  test("has one delivery in flight after its first failures, and few claimed", async () => {
    const outbox = await start();
    const dead = await receiverOf({ kind: "never-answer" });
    const { id } = await outbox.addWebhook(dead.url);
    for (let index = 0; index < 100; index += 1) await outbox.login();
    await outbox.untilTrue(() => outbox.drain.counts().inFlight === 4);
    await outbox.clock.advance(15 * second);
    await outbox.untilTrue(() => outbox.attempts(id).length === 4);
    await outbox.clock.advance(2 * second);
    await outbox.untilTrue(() => outbox.drain.counts().inFlight > 0);
    expect(outbox.drain.counts().inFlight).toBe(1);
    expect(outbox.drain.counts().claimed).toBeLessThanOrEqual(40);
  });

  test("leaves a quarter of all places to receivers that answer, though a hundred such are tried at once", async () => {
    const outbox = await start();
    const dead = await receiverOf({ kind: "never-answer" });
    for (let index = 0; index < 99; index += 1) await outbox.addWebhook(dead.url);
    outbox.sql(
      "UPDATE webhooks SET health = 'unhealthy', failures = 1, failing_since = ?",
      outbox.clock.now(),
    );
    await outbox.login();
    await outbox.untilTrue(() => outbox.drain.counts().inFlight === 96);
    const prompt = await receiverOf();
    await outbox.addWebhook(prompt.url);
    await outbox.login();
    await outbox.until(prompt.next());
    expect(dead.received).toHaveLength(96);
  });
});

describe("a receiver that answers well", () => {
  test("gets up to 32 deliveries at a time, from 4 at the beginning", async () => {
    const outbox = await start();
    const gates: PromiseWithResolvers<void>[] = [];
    const receiver = await receiverOf(() => {
      const gate = Promise.withResolvers<void>();
      gates.push(gate);
      return { kind: "answer", after: gate.promise };
    });
    await outbox.addWebhook(receiver.url);
    for (let index = 0; index < 150; index += 1) await outbox.login();
    let most = 0;
    let first: number | undefined;
    await outbox.untilTrue(() => {
      const { inFlight } = outbox.drain.counts();
      if (inFlight === gates.length) {
        first ??= inFlight;
        most = Math.max(most, inFlight);
        for (const gate of gates.splice(0)) gate.resolve();
      }
      return receiver.received.length === 150;
    });
    expect(first).toBe(4);
    expect(most).toBe(32);
    for (const gate of gates) gate.resolve();
  });

  test("slowly is not taken for well: it holds no more places than a dead one would", async () => {
    const outbox = await start();
    const gates: PromiseWithResolvers<void>[] = [];
    const receiver = await receiverOf(() => {
      const gate = Promise.withResolvers<void>();
      gates.push(gate);
      return { kind: "answer", after: gate.promise };
    });
    await outbox.addWebhook(receiver.url);
    for (let index = 0; index < 30; index += 1) await outbox.login();
    const widths: number[] = [];
    for (let round = 0; round < 4; round += 1) {
      await outbox.untilTrue(() => gates.length > 0 && gates.length === outbox.drain.counts().inFlight);
      widths.push(gates.length);
      await outbox.clock.advance(2 * second);
      for (const gate of gates.splice(0)) gate.resolve();
      await outbox.recorded();
    }
    expect(widths[0]).toBe(4);
    expect(widths.at(-1)).toBe(1);
    receiver.behave({ kind: "answer" });
    for (const gate of gates) gate.resolve();
  });
});

describe("what was claimed", () => {
  test("by a server that died is sent by the next one, at its first tick", async () => {
    const outbox = await start();
    const receiver = await receiverOf({ kind: "never-answer" });
    await outbox.addWebhook(receiver.url);
    const eventId = await outbox.login();
    await receiver.next();
    receiver.behave({ kind: "answer" });
    // The first one is as good as dead: it hangs, and its claim stands.
    const next = outbox.another();
    await next.start();
    const again = await outbox.until(receiver.next());
    expect(again.headers.get("webhook-id")).toBe(eventId);
    expect(again.headers.get("webhook-attempt")).toBe("1");
    await outbox.recorded();
    await outbox.until(next.stop(0));
  });

  test("keeps its lease while it waits for its turn", async () => {
    const outbox = await start();
    const receiver = await receiverOf({ kind: "never-answer" });
    const { id } = await outbox.addWebhook(receiver.url);
    outbox.sql(
      "UPDATE webhooks SET health = 'unhealthy', failures = 1, failing_since = ?",
      outbox.clock.now(),
    );
    for (let index = 0; index < 8; index += 1) await outbox.login();
    const sending = () => outbox.deliveries(id).filter(({ state }) => state === "sending");
    await outbox.untilTrue(() => sending().length > 0);
    for (let step = 0; step < 12; step += 1) {
      await outbox.clock.advance(5 * second);
      for (const { leaseUntil } of sending()) expect(leaseUntil ?? 0).toBeGreaterThan(outbox.clock.now());
    }
    expect(outbox.attempts(id).length).toBeGreaterThan(1);
  });
});

describe("at the end of the server", () => {
  test("an attempt that ends within 8 s is recorded", async () => {
    const outbox = await start();
    const gate = Promise.withResolvers<void>();
    const receiver = await receiverOf({ kind: "answer", after: gate.promise });
    const { id } = await outbox.addWebhook(receiver.url);
    await outbox.login();
    await receiver.next();
    const stopped = outbox.drain.stop(8_000);
    await outbox.clock.advance(7_999);
    gate.resolve();
    await outbox.quiet();
    await outbox.until(stopped);
    expect(outbox.deliveries(id)).toEqual([expect.objectContaining({ state: "delivered", attempts: 1 })]);
  });

  test("one that does not is given up and put back with all that waits, and does not count", async () => {
    const outbox = await start();
    const receiver = await receiverOf({ kind: "never-answer" });
    const { id } = await outbox.addWebhook(receiver.url);
    for (let index = 0; index < 20; index += 1) await outbox.login();
    await receiver.next();
    const stopped = outbox.drain.stop(8_000);
    await outbox.clock.advance(7_999);
    expect(receiver.open()).toBeGreaterThan(0);
    await outbox.clock.advance(1);
    await outbox.until(stopped);
    const rows = outbox.deliveries(id);
    expect(rows).toHaveLength(20);
    for (const row of rows) expect(row).toMatchObject({ state: "pending", attempts: 0, leaseUntil: null });
    expect(outbox.attempts(id)).toEqual([]);
    expect(outbox.drain.counts()).toEqual({ inFlight: 0, claimed: 0 });
    await receiver.allClosed();
    await outbox.stop();
    // Nothing keeps the process alive.
    expect(outbox.clock.pending()).toBe(0);
  });
});

describe("a clock that is set", () => {
  test("ahead brings what is due then within a minute, and costs no claim", async () => {
    const outbox = await start();
    const receiver = await receiverOf((_, number) => ({ kind: "answer", status: number < 3 ? 500 : 200 }));
    const { id } = await outbox.addWebhook(receiver.url);
    await outbox.login();
    await outbox.recorded();
    await outbox.clock.advance(5 * second);
    await outbox.recorded();
    await outbox.clock.advance(minute);
    outbox.clock.jump(6 * minute);
    const before = outbox.clock.monotonic();
    await outbox.untilTrue(() => receiver.received.length === 3);
    expect(outbox.clock.monotonic() - before).toBeLessThan(minute + 5 * second);
    expect(await outbox.recorded()).toMatchObject({ outcome: "delivered" });
    expect(outbox.deliveries(id)).toEqual([expect.objectContaining({ state: "delivered", attempts: 3 })]);
  });

  test("ahead or back during an attempt bends neither its duration nor its record", async () => {
    for (const jump of [3 * hour, -3 * hour]) {
      const outbox = await start();
      const gate = Promise.withResolvers<void>();
      const receiver = await receiverOf({ kind: "answer", after: gate.promise });
      const { id } = await outbox.addWebhook(receiver.url);
      await outbox.login();
      await receiver.next();
      const sentAt = outbox.clock.now();
      outbox.clock.jump(jump);
      await outbox.clock.advance(11 * second);
      gate.resolve();
      expect(await outbox.recorded()).toMatchObject({ outcome: "delivered" });
      const [attempt] = outbox.attempts(id);
      expect(attempt?.sentAt).toBe(sentAt);
      expect((attempt?.answeredAt ?? 0) - sentAt).toBeWithin(11 * second, 12 * second);
    }
  });

  test("back delays nothing that happens from then on", async () => {
    const outbox = await start();
    const receiver = await receiverOf();
    await outbox.addWebhook(receiver.url);
    await outbox.login();
    await outbox.recorded();
    outbox.clock.jump(-24 * hour);
    const before = outbox.clock.now();
    const eventId = await outbox.login();
    expect(await outbox.recorded()).toMatchObject({ eventId, outcome: "delivered" });
    expect(outbox.clock.now() - before).toBeLessThan(second);
  });
});

describe("a database that fails for a while", () => {
  /** Lets the named calls fail so often. */
  function failing(failures: Partial<Record<keyof OutboxStore, number>>) {
    const busy = async (): Promise<never> => {
      throw new ApiError("SERVER_BUSY");
    };
    return (store: OutboxStore): OutboxStore =>
      new Proxy(store, {
        get(target, name: keyof OutboxStore) {
          const left = failures[name] ?? 0;
          if (left > 0) failures[name] = left - 1;
          return left > 0 ? busy : target[name];
        },
      });
  }

  for (const name of [
    "reclaimAbandoned",
    "expireHeld",
    "nextDue",
    "claimDue",
    "findTarget",
    "complete",
  ] as const) {
    test(`in ${name} delays deliveries and loses none: the loop says so and goes on`, async () => {
      const outbox = await start({ between: failing({ [name]: 3 }) });
      const receiver = await receiverOf();
      const { id } = await outbox.addWebhook(receiver.url);
      const events = [await outbox.login(), await outbox.login(), await outbox.login()];
      for (let index = 0; index < 3; index += 1) await outbox.recorded();
      expect(outbox.deliveries(id).map(({ state }) => state)).toEqual(Array(3).fill("delivered"));
      const sent = receiver.received.map(({ headers }) => headers.get("webhook-id") ?? "");
      expect(sent.sort()).toEqual(events.sort());
      expect(outbox.errors.length).toBeGreaterThan(0);
      expect(outbox.errors.join("")).toContain("server is busy");
    });
  }

  test("while attempts are put back keeps them, and puts them back later", async () => {
    const outbox = await start({ between: failing({ release: 2, findTarget: 1 }) });
    const receiver = await receiverOf();
    const { id } = await outbox.addWebhook(receiver.url);
    await outbox.login();
    expect(await outbox.recorded()).toMatchObject({ outcome: "delivered" });
    expect(outbox.deliveries(id)).toEqual([expect.objectContaining({ state: "delivered", attempts: 1 })]);
  });
});

test("a login that another process records is delivered as soon as its commit is noticed", async () => {
  const outbox = await start();
  const receiver = await receiverOf();
  await outbox.addWebhook(receiver.url);
  await outbox.login();
  await outbox.recorded();
  // As a command does: the row comes without a word to the loop.
  outbox.sql(
    `INSERT INTO outbox_events SELECT 'evt_other', account_id, type, body, created_at FROM outbox_events`,
  );
  outbox.sql(`INSERT INTO outbox_deliveries (event_id, webhook_id, state, attempts, next_attempt_at, created_at)
    SELECT 'evt_other', webhook_id, 'pending', 0, 0, 0 FROM outbox_deliveries`);
  expect(receiver.received).toHaveLength(1);
  outbox.storage.onForeignCommit(() => outbox.drain.wake());
  outbox.sql("UPDATE webhooks SET name = 'renamed'");
  await outbox.untilTrue(() => receiver.received.length === 2);
  expect(receiver.received[1]?.headers.get("webhook-id")).toBe("evt_other");
});

test("a webhook that is deleted takes its deliveries with it, also what is claimed or in flight", async () => {
  const outbox = await start();
  const gate = Promise.withResolvers<void>();
  const receiver = await receiverOf({ kind: "answer", after: gate.promise });
  const { id } = await outbox.addWebhook(receiver.url);
  for (let index = 0; index < 20; index += 1) await outbox.login();
  await outbox.untilTrue(() => receiver.received.length === 4);
  outbox.sql("PRAGMA foreign_keys = ON");
  outbox.sql("DELETE FROM outbox_deliveries WHERE webhook_id = ?", id);
  outbox.sql("DELETE FROM webhooks WHERE id = ?", id);
  gate.resolve();
  await outbox.untilTrue(() => outbox.drain.counts().claimed === 0);
  expect(receiver.received).toHaveLength(4);
  expect(outbox.errors).toEqual([]);
});
