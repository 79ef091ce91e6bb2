import { afterEach, expect, test } from "bun:test";
import { longestHeld } from "../../src/outbox/health.ts";
import { type StartedOutbox, startOutbox } from "../support/outbox.ts";
import { type Receiver, startReceiver } from "../support/receiver.ts";

const minute = 60_000;
const hour = 60 * minute;

const toClose: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of toClose.splice(0).reverse()) await close();
});

/** A webhook whose receiver answered 410, and a few deliveries that were waiting then. */
async function startSuspended(): Promise<{ outbox: StartedOutbox; receiver: Receiver; webhookId: string }> {
  const receiver = await startReceiver();
  toClose.push(receiver.close);
  receiver.behave({ kind: "answer", status: 410 });
  const outbox = await startOutbox();
  toClose.push(outbox.stop);
  const { id } = await outbox.addWebhook(receiver.url);
  await outbox.login();
  await outbox.recorded();
  expect(outbox.healthChanges).toMatchObject([{ webhookId: id, from: "healthy", to: "suspended" }]);
  return { outbox, receiver, webhookId: id };
}

test("a receiver that answers 410 gets nothing more: what was claimed, what waits and what is new is held", async () => {
  const receiver = await startReceiver();
  const outbox = await startOutbox();
  toClose.push(receiver.close, outbox.stop);
  const gate = Promise.withResolvers<void>();
  receiver.behave({ kind: "answer", status: 410, after: gate.promise });
  const { id } = await outbox.addWebhook(receiver.url);
  for (let index = 0; index < 600; index += 1) await outbox.login();
  await outbox.untilTrue(() => receiver.received.length === 4);
  gate.resolve();
  const states = () => outbox.deliveries(id).map(({ state }) => state);
  await outbox.untilTrue(() => states().every((state) => state === "held"));
  await outbox.login();
  expect(states()).toEqual(Array(601).fill("held"));
  await outbox.clock.advance(4 * minute);
  expect(receiver.received).toHaveLength(4);
});

test("a suspended webhook is probed with its oldest delivery after 5 min, then 10, and a probe uses up no attempt", async () => {
  const { outbox, receiver, webhookId } = await startSuspended();
  await outbox.login();
  const suspendedAt = outbox.attempts(webhookId)[0]?.answeredAt ?? 0;
  const waits: number[] = [];
  let before = suspendedAt;
  for (let probe = 0; probe < 3; probe += 1) {
    await outbox.recorded();
    const attempt = outbox.attempts(webhookId).at(-1);
    waits.push(Math.round(((attempt?.sentAt ?? 0) - before) / minute));
    before = attempt?.answeredAt ?? 0;
    expect(attempt?.reason).toContain("a probe of a suspended webhook");
  }
  expect(waits).toEqual([5, 10, 20]);
  const [first] = receiver.received;
  expect(new Set(receiver.received.map(({ headers }) => headers.get("webhook-id"))).size).toBe(1);
  expect(first?.headers.get("webhook-attempt")).toBe("1");
  expect(outbox.deliveries(webhookId)).toMatchObject([
    { state: "held", attempts: 1 },
    { state: "held", attempts: 0 },
  ]);
});

test("one success of a probe resumes the webhook, and what was held is delivered, the oldest before all others", async () => {
  const { outbox, receiver, webhookId } = await startSuspended();
  for (let index = 0; index < 30; index += 1) await outbox.login();
  receiver.behave({ kind: "answer" });
  for (let index = 0; index < 31; index += 1)
    expect(await outbox.recorded()).toMatchObject({ outcome: "delivered" });
  const rows = outbox.deliveries(webhookId);
  expect(rows.map(({ state }) => state)).toEqual(Array(31).fill("delivered"));
  expect(receiver.received[1]?.headers.get("webhook-id")).toBe(rows[0]?.eventId ?? "");
  expect(outbox.healthChanges.map(({ to }) => to)).toEqual(["suspended", "healthy"]);
  await outbox.login();
  expect(await outbox.recorded()).toMatchObject({ outcome: "delivered" });
});

test("a webhook that is switched off is sent nothing, and gets what waited once it is switched on", async () => {
  const receiver = await startReceiver();
  const outbox = await startOutbox();
  toClose.push(receiver.close, outbox.stop);
  receiver.behave({ kind: "answer", status: 500 });
  const { id } = await outbox.addWebhook(receiver.url);
  await outbox.login();
  await outbox.recorded();
  outbox.sql("UPDATE webhooks SET active = 0");
  await outbox.clock.advance(hour);
  await outbox.untilTrue(() => outbox.deliveries(id)[0]?.state === "held");
  expect(receiver.received).toHaveLength(1);
  receiver.behave({ kind: "answer" });
  outbox.sql("UPDATE webhooks SET active = 1");
  outbox.drain.wake([id]);
  await outbox.recorded();
  expect(receiver.received.map(({ headers }) => headers.get("webhook-attempt"))).toEqual(["1", "2"]);
});

test("a receiver that fails for an hour is suspended after 50 attempts in a row, and its reason is kept", async () => {
  const receiver = await startReceiver();
  const outbox = await startOutbox();
  toClose.push(receiver.close, outbox.stop);
  receiver.behave({ kind: "answer", status: 503 });
  const { id } = await outbox.addWebhook(receiver.url);
  for (let index = 0; index < 20; index += 1) await outbox.login();
  for (;;) {
    await outbox.recorded();
    if (outbox.healthChanges.at(-1)?.to === "suspended") break;
    if (outbox.attempts(id).length >= 60) await outbox.clock.advance(hour);
  }
  const attempts = outbox.attempts(id);
  expect(attempts.length).toBeGreaterThanOrEqual(50);
  expect((attempts.at(-1)?.answeredAt ?? 0) - (attempts[0]?.answeredAt ?? 0)).toBeGreaterThanOrEqual(hour);
  expect(outbox.healthChanges.at(-1)?.reason).toContain("attempts in a row failed");
});

test("what was held for 30 days becomes dead", async () => {
  const { outbox, receiver, webhookId } = await startSuspended();
  await outbox.login();
  outbox.sql("UPDATE outbox_deliveries SET next_attempt_at = next_attempt_at - ?", longestHeld - 30 * minute);
  const states = () => outbox.deliveries(webhookId).map(({ state }) => state);
  expect(states()).toEqual(["held", "held"]);
  await outbox.untilTrue(() => states().includes("dead"));
  await outbox.clock.advance(2 * hour);
  expect(states()).toEqual(["dead", "dead"]);
  expect(receiver.received.length).toBeGreaterThan(0);
});
