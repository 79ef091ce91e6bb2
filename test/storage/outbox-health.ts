import { expect, test } from "bun:test";
import { longestHeld } from "../../src/outbox/health.ts";
import { now } from "./contract.ts";
import { minute } from "./login-ready.ts";
import { claimOf, delivered, failed, idsOf, type OpenOutbox, type ReadyOutbox } from "./outbox-ready.ts";

const hour = 60 * minute;

export function healthContract(open: OpenOutbox): void {
  /** A webhook that was suspended by a 410 at `now`, with `waiting` deliveries beside the one that was answered so. */
  const openSuspended = async (waiting: number): Promise<ReadyOutbox> => {
    const ready = await open();
    for (let index = 0; index <= waiting; index += 1) await ready.login(now - minute + index);
    const [first, ...rest] = await ready.claim();
    if (first === undefined) throw new Error("nothing was claimed");
    await ready.outbox.release(rest);
    await ready.outbox.complete([failed(first, now, { gone: true })]);
    return ready;
  };
  const states = async (ready: ReadyOutbox) =>
    (await ready.deliveries(ready.webhook.id)).map(({ state }) => state);
  const healthActions = async ({ auditLog, account }: ReadyOutbox) =>
    (await auditLog(account.id))
      .filter(({ actor, action }) => actor === "server" && action.startsWith("webhook."))
      .map(({ action }) => action);

  test("turns with a failure and again with a success, and each turn is in the audit log", async () => {
    await using ready = await open();
    await ready.login();
    const [first] = await ready.claim();
    if (first === undefined) throw new Error("nothing was claimed");
    const { healthChanges } = await ready.outbox.complete([failed(first)]);
    const { id } = ready.webhook;
    const reason = "The receiver answered 500.";
    expect(healthChanges).toEqual([{ webhookId: id, from: "healthy", to: "unhealthy", reason }]);
    expect(await ready.outbox.findTarget(id)).toMatchObject({ health: "unhealthy" });
    const [second] = await ready.claim({ now: now + minute });
    if (second === undefined) throw new Error("nothing was claimed");
    expect((await ready.outbox.complete([delivered(second, now + minute)])).healthChanges).toEqual([
      { webhookId: id, from: "unhealthy", to: "healthy", reason: "" },
    ]);
    const entries = (await ready.auditLog(ready.account.id)).slice(-2);
    expect(entries).toEqual([
      expect.objectContaining({
        action: "webhook.unhealthy",
        actor: "server",
        at: now,
        target: { kind: "webhook", id },
        details: { reason, failures: 1 },
      }),
      expect.objectContaining({ action: "webhook.recovered", at: now + minute }),
    ]);
  });

  test("that turns several times a second is told by one pair of audit entries a minute, and by its last turn", async () => {
    await using ready = await open();
    await ready.login();
    let at = now;
    const attempt = async (of: typeof delivered | typeof failed) => {
      const claimed = await ready.claim({ now: at });
      await ready.outbox.complete(claimed.map((delivery) => of(delivery, at)));
      await ready.login(at);
      at += 100;
    };
    for (let index = 0; index < 20; index += 1) await attempt(index % 2 === 0 ? failed : delivered);
    expect(await healthActions(ready)).toEqual(["webhook.unhealthy", "webhook.recovered"]);
    await attempt(failed);
    at += minute;
    await attempt(failed);
    expect(await healthActions(ready)).toEqual([
      "webhook.unhealthy",
      "webhook.recovered",
      "webhook.unhealthy",
    ]);
    await attempt(failed);
    await attempt(delivered);
    expect((await healthActions(ready)).slice(2)).toEqual(["webhook.unhealthy", "webhook.recovered"]);
  });

  test("is suspended by 50 failures over an hour, and says so to whoever asks", async () => {
    await using ready = await open();
    for (let index = 0; index < 49; index += 1) await ready.login();
    await ready.fail(now);
    expect(await ready.outbox.findTarget(ready.webhook.id)).toMatchObject({ health: "unhealthy" });
    await ready.fail(now + hour - 1);
    expect(await ready.outbox.findTarget(ready.webhook.id)).toMatchObject({ health: "unhealthy" });
    await ready.fail(now + hour + minute);
    expect(await ready.outbox.findTarget(ready.webhook.id)).toMatchObject({ health: "suspended" });
    const [webhook] = await ready.storage.webhooks.listWebhooks(ready.account.id, { afterId: "", limit: 1 });
    expect(webhook).toMatchObject({ health: "suspended", suspendedAt: now + hour + minute });
    expect(webhook?.healthReason).toContain("attempts in a row failed");
    expect(await healthActions(ready)).toEqual(["webhook.unhealthy", "webhook.suspended"]);
  });

  test("of a suspended webhook holds everything: what failed, what waits, a slice at a time, and what is new", async () => {
    await using ready = await openSuspended(5);
    const { id } = ready.webhook;
    expect(await states(ready)).toEqual(["held", ...Array(5).fill("pending")]);
    expect(await ready.outbox.nextDue()).toEqual([
      expect.objectContaining({ webhookId: id, work: "hold", health: "suspended" }),
    ]);
    expect(await ready.claim({ now: now + hour })).toEqual([]);
    expect(await ready.outbox.hold(id, now, 3)).toBe(3);
    expect(await ready.outbox.hold(id, now, 3)).toBe(2);
    expect(await ready.outbox.hold(id, now, 3)).toBe(0);
    await ready.login(now + 1);
    expect(await states(ready)).toEqual(Array(7).fill("held"));
    expect(await ready.outbox.nextDue()).toEqual([
      { webhookId: id, work: "probe", health: "suspended", dueAt: now + 5 * minute },
    ]);
  });

  test("is probed with the oldest held delivery, by one at a time, and a failed probe uses up no attempt", async () => {
    await using ready = await openSuspended(1);
    const { id } = ready.webhook;
    await ready.outbox.hold(id, now, 10);
    const [oldest] = await ready.deliveries(id);
    const due = now + 5 * minute;
    expect(await ready.outbox.claimProbe(claimOf(id, due - 1))).toBeUndefined();
    const probe = await ready.outbox.claimProbe(claimOf(id, due));
    if (probe === undefined || oldest === undefined) throw new Error("nothing was claimed");
    expect(probe).toMatchObject({ id: oldest.id, attempt: 2, probe: true });
    expect(await ready.outbox.claimProbe(claimOf(id, due + 1))).toBeUndefined();
    await ready.outbox.complete([failed(probe, due, { retryAt: "never" })]);
    expect((await ready.deliveries(id))[0]).toEqual(oldest);
    expect(await ready.attempts(probe.id)).toHaveLength(2);
    expect(await ready.outbox.nextDue([id])).toMatchObject([{ work: "probe", dueAt: due + 10 * minute }]);
  });

  test("whose prober died is probed again once the lease is over, with what was held", async () => {
    await using ready = await openSuspended(0);
    const { id } = ready.webhook;
    const request = claimOf(id, now + 5 * minute);
    await ready.outbox.claimProbe(request);
    const next = await ready.connectAgain();
    await next.outbox.reclaimAbandoned(request.leaseUntil + 1);
    expect(await next.outbox.nextDue()).toMatchObject([{ work: "hold" }]);
    await next.outbox.hold(id, request.leaseUntil, 10);
    expect(await next.outbox.nextDue()).toMatchObject([{ work: "probe", dueAt: request.leaseUntil }]);
    expect(await next.outbox.claimProbe(claimOf(id, request.leaseUntil))).toBeDefined();
  });

  test("is restored by one success, which releases the held deliveries, the oldest first", async () => {
    await using ready = await openSuspended(4);
    const { id } = ready.webhook;
    await ready.outbox.hold(id, now, 10);
    const probe = await ready.outbox.claimProbe(claimOf(id, now + 5 * minute));
    if (probe === undefined) throw new Error("nothing was claimed");
    const at = now + 5 * minute;
    expect((await ready.outbox.complete([delivered(probe, at)])).healthChanges).toMatchObject([
      { from: "suspended", to: "healthy" },
    ]);
    expect(await healthActions(ready)).toEqual(["webhook.suspended", "webhook.resumed"]);
    await ready.login(at);
    expect(await ready.outbox.nextDue()).toMatchObject([{ webhookId: id, work: "send" }]);
    const held = (await ready.deliveries(id)).slice(1);
    expect(idsOf(await ready.claim({ now: at, limit: 2 }))).toEqual(held.slice(0, 2).map((one) => one.id));
    expect(idsOf(await ready.claim({ now: at }))).toEqual(held.slice(2).map((one) => one.id));
    expect((await ready.deliveries(id))[0]).toMatchObject({ state: "delivered", attempts: 2 });
  });

  test("is no matter while a webhook is switched off: it is held without probes, and goes on where it was", async () => {
    await using ready = await open();
    const { id } = ready.webhook;
    await ready.login();
    await ready.fail(now);
    await ready.login();
    await ready.setActive(id, false);
    expect(await ready.claim()).toEqual([]);
    expect(await ready.outbox.nextDue()).toMatchObject([{ webhookId: id, work: "hold" }]);
    expect(await ready.outbox.hold(id, now, 10)).toBe(2);
    expect(await ready.outbox.nextDue()).toEqual([]);
    await ready.setActive(id, true);
    expect(await ready.outbox.hold(id, now, 10)).toBe(0);
    expect(await ready.outbox.nextDue()).toMatchObject([{ webhookId: id, work: "send", dueAt: now }]);
    expect((await ready.claim()).map(({ attempt }) => attempt)).toEqual([2, 1]);
  });

  test("that stays so for 30 days makes dead what was held so long, a slice at a time", async () => {
    await using ready = await openSuspended(3);
    const { id } = ready.webhook;
    await ready.outbox.hold(id, now, 10);
    await ready.login(now + 1);
    const end = now + longestHeld;
    const expire = (at: number, limit: number) => ready.outbox.expireHeld(at - longestHeld, at, limit);
    expect(await expire(end - 1, 10)).toBe(0);
    expect(await expire(end, 3)).toBe(3);
    expect(await expire(end, 3)).toBe(1);
    expect(await states(ready)).toEqual(["dead", "dead", "dead", "dead", "held"]);
    expect((await ready.deliveries(id))[0]).toMatchObject({ endedAt: end });
  });
}
