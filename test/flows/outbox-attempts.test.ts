import { afterEach, describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { Webhook } from "standardwebhooks";
import { tokenBinding } from "../../src/features/webhooks/token.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { version } from "../../src/lib/version.ts";
import { freshId, secrets } from "../storage/contract.ts";
import { fakeClock } from "../support/fake-clock.ts";
import { type OutboxOptions, type StartedOutbox, startOutbox } from "../support/outbox.ts";
import { type Behaviour, type Receiver, startReceiver } from "../support/receiver.ts";
import { standardSchedule } from "../support/standard-schedule.ts";

const minute = 60_000;
const hour = 60 * minute;

const toClose: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of toClose.splice(0).reverse()) await close();
});

/** A receiver with one webhook of the format `cryptlex`, and the loop that delivers to it. */
async function start(
  behaviour: Parameters<Receiver["behave"]>[0],
  options: OutboxOptions = {},
): Promise<{ receiver: Receiver; outbox: StartedOutbox; webhookId: string }> {
  const receiver = await startReceiver();
  receiver.behave(behaviour);
  toClose.push(receiver.close);
  const outbox = await startOutbox(options);
  toClose.push(outbox.stop);
  const { id } = await outbox.addWebhook(receiver.url);
  return { receiver, outbox, webhookId: id };
}

describe("a delivery", () => {
  test("arrives once, with the event's id, its body as it was written, and a signature over these bytes", async () => {
    const { receiver, outbox, webhookId } = await start({ kind: "answer" });
    const eventId = await outbox.login();
    const request = await receiver.next();
    expect(request.method).toBe("POST");
    const sent = Object.fromEntries(request.headers);
    expect(sent).toMatchObject({
      "content-type": "application/json",
      "user-agent": `Postern/${version}`,
      "webhook-id": eventId,
      "webhook-timestamp": String(Math.floor(outbox.clock.now() / 1_000)),
      "webhook-signature": createHmac("sha256", "a signing token").update(request.body).digest("base64"),
      "webhook-attempt": "1",
    });
    expect(JSON.parse(request.body.toString())).toMatchObject({ event: "account.logged-in" });
    expect(await outbox.recorded()).toMatchObject({ webhookId, eventId, outcome: "delivered" });
    expect(outbox.deliveries(webhookId)).toEqual([
      expect.objectContaining({ eventId, state: "delivered", attempts: 1 }),
    ]);
    await outbox.clock.advance(48 * hour);
    expect(receiver.received).toHaveLength(1);
  });

  test("in the format standard is accepted by the library of Standard Webhooks", async () => {
    const receiver = await startReceiver();
    const outbox = await startOutbox({ clock: fakeClock(systemClock.now()) });
    toClose.push(receiver.close, outbox.stop);
    const id = freshId();
    const token = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
    const sealedToken = secrets.seal(token, tokenBinding(id));
    await outbox.addWebhook(receiver.url, { id, signatureFormat: "standard", sealedToken });
    await outbox.login();
    const { body, headers } = await receiver.next();
    expect(new Webhook(token).verify(body, Object.fromEntries(headers))).toMatchObject({
      event: "account.logged-in",
    });
  });

  test("is tried ten times at the times of the schedule, with the same id and bytes, and is then dead", async () => {
    const { receiver, outbox, webhookId } = await start({
      kind: "answer",
      status: 500,
      body: "out of order",
    });
    await outbox.login();
    let at = outbox.clock.now();
    for (const [index, wait] of standardSchedule.entries()) {
      at += wait;
      if (index > 0) {
        await outbox.clock.advance(at - outbox.clock.now() - 1);
        expect(receiver.received).toHaveLength(index);
      }
      const { headers } = await outbox.until(receiver.next());
      expect(headers.get("webhook-attempt")).toBe(String(index + 1));
      const { outcome } = await outbox.recorded();
      expect(outcome).toBe(index < 9 ? "retry" : "dead");
      at = outbox.attempts(webhookId).at(-1)?.answeredAt ?? 0;
    }
    const [first] = receiver.received;
    for (const { body, headers } of receiver.received) {
      expect(headers.get("webhook-id")).toBe(first?.headers.get("webhook-id") ?? "");
      expect(body.equals(first?.body ?? Buffer.alloc(0))).toBe(true);
    }
    expect(outbox.deliveries(webhookId)).toEqual([expect.objectContaining({ state: "dead", attempts: 10 })]);
    const attempts = outbox.attempts(webhookId);
    expect(attempts.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(attempts[0]).toMatchObject({
      status: 500,
      error: "The receiver answered 500.",
      reason: "Attempt 2 of 10 follows.",
      answer: "out of order",
    });
    expect(attempts[9]?.reason).toBe("It was the last of 10 attempts.");
    await outbox.clock.advance(1_000 * hour);
    expect(receiver.received).toHaveLength(10);
  });

  test("follows its webhook to a changed URL, from the next attempt on", async () => {
    const { receiver, outbox, webhookId } = await start({ kind: "answer", status: 500 });
    await outbox.login();
    await receiver.next();
    await outbox.recorded();
    const moved = await startReceiver();
    toClose.push(moved.close);
    outbox.sql("UPDATE webhooks SET url = ? WHERE id = ?", moved.url, webhookId);
    expect((await outbox.until(moved.next())).headers.get("webhook-attempt")).toBe("2");
    expect(await outbox.recorded()).toMatchObject({ outcome: "delivered" });
  });
});

describe("an answer", () => {
  test("is a success if it is 2xx, and a failure otherwise", async () => {
    const { receiver, outbox, webhookId } = await start({ kind: "answer" }, { schedule: [0] });
    const outcomes: Record<number, string> = {};
    for (const status of [200, 201, 202, 204, 299, 300, 301, 304, 400, 401, 404, 429, 500, 503, 599]) {
      receiver.behave({ kind: "answer", status, body: status === 204 || status === 304 ? "" : "body" });
      await outbox.login();
      await outbox.until(receiver.next());
      outcomes[status] = (await outbox.recorded()).outcome;
    }
    const delivered = Object.keys(outcomes).filter((status) => outcomes[Number(status)] === "delivered");
    expect(delivered).toEqual(["200", "201", "202", "204", "299"]);
    expect(outbox.attempts(webhookId).filter(({ answer }) => answer === null)).toHaveLength(5);
  });

  test("that redirects is a failure: where it leads is not asked", async () => {
    const inner = await startReceiver();
    toClose.push(inner.close);
    const { outbox, webhookId } = await start({
      kind: "answer",
      status: 302,
      headers: { location: inner.url },
    });
    await outbox.login();
    expect(await outbox.recorded()).toMatchObject({ outcome: "retry" });
    expect(outbox.attempts(webhookId)[0]?.error).toContain("redirects are not followed");
    expect(inner.received).toEqual([]);
  });

  test("with Retry-After holds the delivery back so long, if it is 429 or 503, in seconds or as a date", async () => {
    const { receiver, outbox, webhookId } = await start({ kind: "answer" }, { schedule: [0, 5_000] });
    const waits: [status: number, header: string | (() => string), wait: number][] = [
      [429, "120", 2 * minute],
      [503, "120", 2 * minute],
      [429, () => new Date(outbox.clock.now() + 3 * hour).toUTCString(), 3 * hour],
      [503, "999999999", 24 * hour],
      [429, "1", 5_000],
      [429, "nonsense", 5_000],
      [500, "120", 5_000],
    ];
    for (const [status, header, wait] of waits) {
      const text = typeof header === "string" ? header : header();
      receiver.behave({ kind: "answer", status, headers: { "retry-after": text } });
      await outbox.login();
      await outbox.until(receiver.next());
      await outbox.recorded();
      const { answeredAt } = outbox.attempts(webhookId).at(-1) ?? { answeredAt: 0 };
      const held = (outbox.deliveries(webhookId).at(-1)?.nextAttemptAt ?? 0) - answeredAt;
      // An HTTP date has whole seconds.
      expect(Math.abs(held - wait)).toBeLessThanOrEqual(typeof header === "string" ? 0 : 1_000);
      receiver.behave({ kind: "answer" });
      await outbox.clock.advance(held - (outbox.clock.now() - answeredAt) - 1);
      expect(outbox.deliveries(webhookId).at(-1)).toMatchObject({ state: "pending", attempts: 1 });
      await outbox.until(receiver.next());
      expect(await outbox.recorded()).toMatchObject({ outcome: "delivered" });
    }
    expect(outbox.attempts(webhookId)[0]?.reason).toBe(
      "Attempt 2 of 2 follows. The receiver asked to wait 120 s.",
    );
  });

  test("with Retry-After also holds back what else waits for this receiver", async () => {
    const { receiver, outbox } = await start((_, number) =>
      number === 1 ? { kind: "answer", status: 429, headers: { "retry-after": "120" } } : { kind: "answer" },
    );
    await outbox.login();
    await outbox.recorded();
    for (let index = 0; index < 5; index += 1) await outbox.login();
    await outbox.clock.advance(2 * minute - 1_000);
    expect(receiver.received).toHaveLength(1);
    for (let index = 0; index < 6; index += 1) await outbox.until(receiver.next());
    await outbox.until(receiver.next());
    expect(receiver.received).toHaveLength(7);
  });
});

describe("a receiver that misbehaves", () => {
  const failures: [what: string, Behaviour, error: string][] = [
    ["never answers", { kind: "never-answer" }, "There was no whole answer within 15 s."],
    ["answers a byte at a time", { kind: "drip" }, "There was no whole answer within 15 s."],
    ["closes the connection", { kind: "close" }, "closed before the answer was complete"],
    [
      "closes it in the middle of its answer",
      { kind: "close-mid-answer" },
      "closed before the answer was complete",
    ],
    ["packs a bomb", { kind: "gzip-bomb", status: 500 }, "The receiver answered 500."],
  ];
  for (const [what, behaviour, error] of failures) {
    test(`and ${what} costs one attempt, and is served once it behaves`, async () => {
      const { receiver, outbox, webhookId } = await start(behaviour);
      await outbox.login();
      await receiver.next();
      if (error.includes("15 s")) await outbox.clock.advance(15_000);
      expect(await outbox.recorded()).toMatchObject({ outcome: "retry" });
      const [attempt] = outbox.attempts(webhookId);
      expect(attempt?.error).toContain(error);
      expect(Buffer.byteLength(attempt?.answer ?? "")).toBeLessThanOrEqual(3 * 4_096);
      receiver.behave({ kind: "answer" });
      await outbox.until(receiver.next());
      expect(await outbox.recorded()).toMatchObject({ outcome: "delivered" });
    });
  }

  test("and answers 200 with a body without end has received it", async () => {
    const { receiver, outbox, webhookId } = await start({ kind: "endless" });
    await outbox.login();
    expect(await outbox.recorded()).toMatchObject({ outcome: "delivered" });
    expect(outbox.attempts(webhookId)[0]?.answer).toBeNull();
    await receiver.allClosed();
  });

  test("has the first 4 KiB of its refusal kept, whatever the bytes are", async () => {
    const body = Buffer.concat([Buffer.from("é\0<script>"), Buffer.alloc(10_000, 0xff)]);
    const { outbox, webhookId } = await start({ kind: "answer", status: 400, body });
    await outbox.login();
    await outbox.recorded();
    const [attempt] = outbox.attempts(webhookId);
    expect(attempt?.answer?.startsWith("é\0<script>�")).toBe(true);
    expect(attempt?.answer).toBe(new TextDecoder().decode(body.subarray(0, 4_096)));
  });
});

describe("where deliveries may not go", () => {
  test("nothing is sent, and the attempt says what to set", async () => {
    const { receiver, outbox, webhookId } = await start({ kind: "answer" }, { networks: [] });
    await outbox.login();
    expect(await outbox.recorded()).toMatchObject({ outcome: "retry" });
    expect(outbox.attempts(webhookId)[0]).toMatchObject({
      status: null,
      error:
        "127.0.0.1 is a loopback address: to permit it, set POSTERN_WEBHOOK_ALLOW_NETWORKS to a network that holds it, for example POSTERN_WEBHOOK_ALLOW_NETWORKS=127.0.0.1/32.",
    });
    expect(receiver.received).toEqual([]);
  });

  test("a name that led elsewhere at the first attempt is judged again at the second", async () => {
    let lookups = 0;
    const resolve = async () => {
      lookups += 1;
      return lookups === 1 ? ["127.0.0.1"] : ["127.0.0.1", "169.254.169.254"];
    };
    const { receiver, outbox } = await start({ kind: "answer", status: 500 }, { resolve });
    const { id } = await outbox.addWebhook(`http://rebinding.example:${receiver.port}/`);
    outbox.sql("UPDATE webhooks SET active = 0 WHERE id <> ?", id);
    await outbox.login();
    await receiver.next();
    await outbox.recorded();
    await outbox.clock.advance(5_000);
    await outbox.recorded();
    expect(outbox.attempts(id)[1]?.error).toContain("leads to 169.254.169.254");
    expect(receiver.received).toHaveLength(1);
  });
});
