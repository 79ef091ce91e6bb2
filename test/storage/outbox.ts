import { describe, expect, test } from "bun:test";
import { freshId, makeAccount, makeWebhook, now, type OpenStorage, secrets } from "./contract.ts";
import { minute } from "./login-ready.ts";
import { healthContract } from "./outbox-health.ts";
import {
  claimOf,
  delivered,
  failed,
  idsOf,
  leaseMs,
  type OpenOutbox,
  outboxReadyOf,
} from "./outbox-ready.ts";

/** What the loop that delivers events asks of storage. */
export function outboxContract(open: OpenStorage): void {
  describe("what is due", () => dueContract(outboxReadyOf(open)));
  describe("a claim", () => claimContract(outboxReadyOf(open)));
  describe("the end of an attempt", () => completionContract(outboxReadyOf(open)));
  describe("a claim that was lost", () => fencingContract(outboxReadyOf(open)));
  describe("a webhook's health", () => healthContract(outboxReadyOf(open)));
  describe("the target of deliveries", () => targetContract(outboxReadyOf(open)));
}

function dueContract(open: OpenOutbox): void {
  test("is nothing where nothing waits", async () => {
    await using ready = await open();
    expect(await ready.outbox.nextDue()).toEqual([]);
    expect(await ready.outbox.nextDue([ready.webhook.id, freshId()])).toEqual([]);
  });

  test("is named with each webhook that has deliveries waiting, and with the time of its first", async () => {
    await using ready = await open();
    const other = await makeWebhook(ready.storage, { accountId: ready.account.id });
    await ready.login(now + minute);
    await ready.login(now);
    const due = (webhookId: string) => ({ webhookId, health: "healthy", work: "send", dueAt: now });
    const all = await ready.outbox.nextDue();
    expect(all).toHaveLength(2);
    expect(all).toContainEqual(expect.objectContaining(due(ready.webhook.id)));
    expect(all).toContainEqual(expect.objectContaining(due(other.id)));
    expect(await ready.outbox.nextDue([other.id])).toEqual([expect.objectContaining(due(other.id))]);
  });

  test("is found for each of hundreds of webhooks, over all accounts", async () => {
    await using ready = await open();
    const ids = [ready.webhook.id];
    for (let index = 0; index < 99; index += 1)
      ids.push((await makeWebhook(ready.storage, { accountId: ready.account.id })).id);
    await ready.login();
    const found = await ready.outbox.nextDue();
    expect(found.map(({ webhookId }) => webhookId).sort()).toEqual(ids.sort());
  });

  test("does not hold what is being sent, was delivered or is dead", async () => {
    await using ready = await open();
    for (let index = 0; index < 3; index += 1) await ready.login();
    const [first, second] = await ready.claim();
    if (first === undefined || second === undefined) throw new Error("nothing was claimed");
    await ready.outbox.complete([delivered(first), failed(second, now, { retryAt: "never" })]);
    expect((await ready.deliveries(ready.webhook.id)).map(({ state }) => state)).toEqual([
      "delivered",
      "dead",
      "sending",
    ]);
    expect(await ready.outbox.nextDue()).toEqual([]);
  });

  test("is counted by state", async () => {
    await using ready = await open();
    for (let index = 0; index < 5; index += 1) await ready.login();
    const [dead] = await ready.claim({ limit: 2 });
    if (dead === undefined) throw new Error("nothing was claimed");
    await ready.outbox.complete([failed(dead, now, { retryAt: "never" })]);
    expect(await ready.outbox.countByState()).toEqual({ pending: 3, sending: 1, held: 0, dead: 1 });
    await ready.setActive(ready.webhook.id, false);
    await ready.outbox.hold(ready.webhook.id, now, 2);
    expect(await ready.outbox.countByState()).toEqual({ pending: 1, sending: 1, held: 2, dead: 1 });
  });
}

function claimContract(open: OpenOutbox): void {
  test("takes what is due, the longest due first, each once, and no more than was asked for", async () => {
    await using ready = await open();
    const times = [now, now - 2 * minute, now - minute, now + 1];
    const events: string[] = [];
    for (const time of times) events.push(await ready.login(time));
    const first = await ready.claim({ limit: 2 });
    expect(first.map(({ eventId }) => eventId)).toEqual([events[1] ?? "", events[2] ?? ""]);
    const second = await ready.claim({ limit: 2 });
    expect(second.map(({ eventId }) => eventId)).toEqual([events[0] ?? ""]);
    expect(await ready.claim()).toEqual([]);
    expect(await ready.claim({ now: now + 1 })).toHaveLength(1);
  });

  test("says which attempt it is for, and brings the event's body as it was written", async () => {
    await using ready = await open();
    const eventId = await ready.login();
    const request = claimOf(ready.webhook.id);
    const [claimed] = await ready.outbox.claimDue({ ...request, limit: 1 });
    expect(claimed).toMatchObject({
      eventId,
      webhookId: ready.webhook.id,
      attempt: 1,
      claim: request.claim,
      probe: false,
      dueAt: now,
    });
    expect(JSON.parse(claimed?.body ?? "")).toMatchObject({
      event: "account.logged-in",
      data: { email: ready.user.email },
    });
  });

  test("is of one webhook, whatever waits for others", async () => {
    await using ready = await open();
    const other = await makeWebhook(ready.storage, { accountId: ready.account.id });
    await ready.login();
    expect(await ready.claim()).toHaveLength(1);
    expect((await ready.deliveries(other.id)).map(({ state }) => state)).toEqual(["pending"]);
    const account = await makeAccount(ready.storage);
    const elsewhere = await makeWebhook(ready.storage, { accountId: account.id });
    expect(await ready.outbox.claimDue({ ...claimOf(elsewhere.id), limit: 10 })).toEqual([]);
  });

  test("is never taken twice, though two processes claim at once", async () => {
    await using ready = await open();
    for (let index = 0; index < 20; index += 1) await ready.login();
    const again = await ready.connectAgain();
    const claims = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        (index % 2 === 0 ? ready.outbox : again.outbox).claimDue({ ...claimOf(ready.webhook.id), limit: 5 }),
      ),
    );
    const ids = claims.flatMap(idsOf);
    expect(ids).toHaveLength(20);
    expect(new Set(ids).size).toBe(20);
  });

  test("that is put back was never taken: the same attempt is due again", async () => {
    await using ready = await open();
    await ready.login();
    const before = await ready.deliveries(ready.webhook.id);
    const claimed = await ready.claim();
    await ready.outbox.release(claimed);
    expect(await ready.deliveries(ready.webhook.id)).toEqual(before);
    expect(await ready.claim()).toEqual([expect.objectContaining({ attempt: 1, dueAt: now })]);
  });

  test("can be renewed as long as it is the last one", async () => {
    await using ready = await open();
    for (let index = 0; index < 3; index += 1) await ready.login();
    const [kept, given, done] = await ready.claim();
    if (kept === undefined || given === undefined || done === undefined)
      throw new Error("nothing was claimed");
    await ready.outbox.release([given]);
    await ready.outbox.complete([delivered(done)]);
    const strange = { ...kept, claim: "another" };
    const renew = (...claims: (typeof kept)[]) => ready.outbox.renewLeases(claims, now + 2 * leaseMs);
    expect(await renew(kept, given, done)).toEqual([kept.id]);
    expect(await renew(strange)).toEqual([]);
  });
}

function completionContract(open: OpenOutbox): void {
  test("that succeeded ends the delivery, and the attempt is kept without the answer", async () => {
    await using ready = await open();
    await ready.login();
    const [claimed] = await ready.claim();
    if (claimed === undefined) throw new Error("nothing was claimed");
    const summary = await ready.outbox.complete([delivered(claimed, now + 1)]);
    expect(summary).toEqual({ fenced: 0, healthChanges: [] });
    expect(await ready.deliveries(ready.webhook.id)).toEqual([
      expect.objectContaining({ state: "delivered", attempts: 1, endedAt: now + 1 }),
    ]);
    expect(await ready.attempts(claimed.id)).toEqual([
      {
        attempt: 1,
        sentAt: now - 19,
        answeredAt: now + 1,
        status: 200,
        error: null,
        reason: null,
        answer: null,
      },
    ]);
  });

  test("that failed makes the delivery due again at its time, and keeps why, and what was answered", async () => {
    await using ready = await open();
    await ready.login();
    const [claimed] = await ready.claim();
    if (claimed === undefined) throw new Error("nothing was claimed");
    await ready.outbox.complete([failed(claimed, now, { retryAt: now + 5_000 })]);
    expect(await ready.deliveries(ready.webhook.id)).toEqual([
      expect.objectContaining({ state: "pending", attempts: 1, nextAttemptAt: now + 5_000, endedAt: null }),
    ]);
    expect(await ready.attempts(claimed.id)).toEqual([
      expect.objectContaining({
        status: 500,
        error: "The receiver answered 500.",
        reason: "Another attempt follows.",
        answer: "oh no",
      }),
    ]);
    expect(await ready.claim({ now: now + 4_999 })).toEqual([]);
    expect(await ready.claim({ now: now + 5_000 })).toEqual([
      expect.objectContaining({ id: claimed.id, attempt: 2, eventId: claimed.eventId, body: claimed.body }),
    ]);
  });

  test("that was the last one leaves a dead letter, which is claimed no more", async () => {
    await using ready = await open();
    await ready.login();
    const [claimed] = await ready.claim();
    if (claimed === undefined) throw new Error("nothing was claimed");
    await ready.outbox.complete([failed(claimed, now, { retryAt: "never" })]);
    expect(await ready.deliveries(ready.webhook.id)).toEqual([
      expect.objectContaining({ state: "dead", attempts: 1, endedAt: now }),
    ]);
    expect(await ready.claim({ now: now + 1_000 * minute })).toEqual([]);
  });

  test("is recorded with others of many webhooks in one transaction", async () => {
    await using ready = await open();
    const other = await makeWebhook(ready.storage, { accountId: ready.account.id });
    for (let index = 0; index < 3; index += 1) await ready.login();
    const own = await ready.claim();
    const others = await ready.outbox.claimDue({ ...claimOf(other.id), limit: 10 });
    const completions = [...own.map((one) => delivered(one)), ...others.map((one) => failed(one))];
    expect(await ready.outbox.complete(completions)).toMatchObject({ fenced: 0 });
    expect(await ready.outbox.countByState()).toEqual({ pending: 3, sending: 0, held: 0, dead: 0 });
  });
}

function fencingContract(open: OpenOutbox): void {
  test("by a dead owner is taken back by the next, which sends it as the same attempt", async () => {
    await using ready = await open();
    for (let index = 0; index < 3; index += 1) await ready.login();
    const dead = await ready.claim({ limit: 2 });
    const next = await ready.connectAgain();
    expect(await next.outbox.reclaimAbandoned(now + leaseMs + 1)).toBe(2);
    expect(await next.outbox.reclaimAbandoned(now + leaseMs + 1)).toBe(0);
    const again = await next.outbox.claimDue({ ...claimOf(ready.webhook.id), limit: 10 });
    expect(idsOf(again)).toEqual(expect.arrayContaining(idsOf(dead)));
    expect(again).toHaveLength(3);
    expect(again.every(({ attempt }) => attempt === 1)).toBe(true);
  });

  test("lets its owner, who wakes up late, change nothing", async () => {
    await using ready = await open();
    await ready.login();
    const [late] = await ready.claim();
    if (late === undefined) throw new Error("nothing was claimed");
    const next = await ready.connectAgain();
    await next.outbox.reclaimAbandoned(now + leaseMs + 1);
    const untouched = async (state: string) => {
      const before = await ready.deliveries(ready.webhook.id);
      expect(before).toEqual([expect.objectContaining({ state, attempts: 0 })]);
      for (const completion of [
        delivered(late),
        failed(late),
        failed(late, now, { retryAt: "never" }),
        failed(late, now, { gone: true }),
      ])
        expect(await ready.outbox.complete([completion])).toEqual({ fenced: 1, healthChanges: [] });
      expect(await ready.outbox.renewLeases([late], now + 2 * leaseMs)).toEqual([]);
      await ready.outbox.release([late]);
      expect(await ready.deliveries(ready.webhook.id)).toEqual(before);
    };
    await untouched("pending");
    const [current] = await next.outbox.claimDue({ ...claimOf(ready.webhook.id), limit: 1 });
    if (current === undefined) throw new Error("nothing was claimed");
    await untouched("sending");
    expect(await next.outbox.complete([delivered(current)])).toEqual({ fenced: 0, healthChanges: [] });
    expect(await ready.attempts(late.id)).toHaveLength(1);
    expect(await ready.outbox.findTarget(ready.webhook.id)).toMatchObject({ health: "healthy" });
  });

  test("does not keep the other completions of its batch from being recorded", async () => {
    await using ready = await open();
    for (let index = 0; index < 3; index += 1) await ready.login();
    const [first, lost, third] = await ready.claim();
    if (first === undefined || lost === undefined || third === undefined)
      throw new Error("nothing was claimed");
    await ready.outbox.release([lost]);
    expect(await ready.outbox.complete([first, lost, third].map((one) => delivered(one)))).toEqual({
      fenced: 1,
      healthChanges: [],
    });
    expect((await ready.deliveries(ready.webhook.id)).map(({ state }) => state)).toEqual([
      "delivered",
      "pending",
      "delivered",
    ]);
  });
}

function targetContract(open: OpenOutbox): void {
  test("is what the webhook says now, with its signing token in the clear", async () => {
    await using ready = await open();
    expect(await ready.outbox.findTarget(ready.webhook.id)).toEqual({
      active: true,
      health: "healthy",
      url: "https://example.com/hook",
      signatureFormat: "cryptlex",
      tokens: ["a signing token"],
    });
    await ready.setActive(ready.webhook.id, false);
    expect(await ready.outbox.findTarget(ready.webhook.id)).toMatchObject({ active: false });
  });

  test("is none for a webhook that does not exist", async () => {
    await using ready = await open();
    expect(await ready.outbox.findTarget(freshId())).toBeUndefined();
  });

  test("cannot be read with a token that was sealed for another webhook", async () => {
    await using ready = await open();
    const stolen = await makeWebhook(ready.storage, {
      accountId: ready.account.id,
      sealedToken: secrets.seal("a signing token", `webhooks.token:${ready.webhook.id}`),
    });
    expect(ready.outbox.findTarget(stolen.id)).rejects.toThrow("cannot be decrypted");
  });
}
