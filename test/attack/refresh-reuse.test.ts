import { beforeAll, describe, expect, test } from "bun:test";
import { isoTime } from "../../src/lib/clock.ts";
import { damage, rowsOf } from "../support/database.ts";
import { type LoggedIn, logIn, outcomeOf } from "../support/logged-in.ts";
import { atEnd, type StartedInProcess, startInProcess } from "../support/postern.ts";
import { type Receiver, startReceiver } from "../support/receiver.ts";
import { createAccount, importRecords, seededFolder, user, userPool, webhook } from "../support/seed.ts";
import { stoppedClock } from "../support/stopped-clock.ts";
import { tokensOf } from "../support/tokens.ts";

const grace = 30_000;
const signingToken = "a-signing-token";
const settings = { POSTERN_WEBHOOK_ALLOW_NETWORKS: "127.0.0.0/8" };
const elsewhere = { id: "other-account", alias: "other" };
const clock = stoppedClock();
const pool = userPool("victim", 10);

let postern: StartedInProcess;
/** Wants to know of reuse; of logins alone; of reuse, but in another account. */
let watching: Receiver;
let incurious: Receiver;
let foreign: Receiver;

beforeAll(async () => {
  [watching, incurious, foreign] = await Promise.all([startReceiver(), startReceiver(), startReceiver()]);
  for (const receiver of [watching, incurious, foreign]) atEnd(() => receiver.close());
  const reuse = { events: ["session.reuse-detected"] };
  const dataDir = await seededFolder(pool.names.map((name) => user(name)));
  await createAccount(dataDir, elsewhere);
  const hooks = [
    webhook(watching.url, signingToken, { name: "watching", ...reuse }),
    webhook(incurious.url, signingToken, { name: "incurious" }),
  ];
  await importRecords(dataDir, hooks, undefined, settings);
  await importRecords(dataDir, [webhook(foreign.url, signingToken, reuse)], elsewhere.id, settings);
  postern = await startInProcess({ dataDir, clock, settings });
});

const send = (refreshToken: string, agent = "Owner/1.0") =>
  postern.post(
    "/v3/accounts/refresh",
    { refreshToken },
    { "user-agent": agent, origin: "https://app.example.com" },
  );

async function expectDead(who: { accessToken: string; refreshToken: string }): Promise<void> {
  expect(await outcomeOf(await send(who.refreshToken))).toBe("400 INVALID_REFRESH_TOKEN");
  const me = await postern.get("/v3/me", { authorization: `Bearer ${who.accessToken}` });
  expect(await outcomeOf(me)).toBe("401 UNAUTHENTICATED");
}

const audited = ({ sessionId }: LoggedIn) =>
  rowsOf<{ details: string; user_agent: string }>(
    postern.dataDir,
    "SELECT * FROM audit_log WHERE target_id = ? AND action = 'session.reuse-detected'",
    sessionId,
  );

const told = ({ sessionId }: LoggedIn) =>
  rowsOf<{ body: string }>(
    postern.dataDir,
    "SELECT body FROM outbox_events WHERE type = 'session.reuse-detected'",
  ).filter(({ body }) => String(body).includes(sessionId)).length;

describe("a stolen refresh token", () => {
  test("that the thief used first ends thief and owner when the owner comes after the grace; audit log and webhook tell", async () => {
    const owner = await logIn(postern, pool.take(), { headers: { "user-agent": "Owner/1.0" } });
    const loggedInAt = clock.now();
    clock.move(1_000);
    const thief = await tokensOf(await send(owner.refreshToken, "Thief/1.0"));
    const stolenAt = clock.now();
    clock.move(grace);
    expect(await outcomeOf(await send(owner.refreshToken))).toBe("400 INVALID_REFRESH_TOKEN");
    await expectDead(owner);
    await expectDead(thief);

    const [entry, ...others] = audited(owner);
    expect(others).toEqual([]);
    expect(entry).toMatchObject({
      actor: "server",
      at: clock.now(),
      user_agent: "Owner/1.0",
      address: "127.0.0.1",
    });
    expect(JSON.parse(entry?.details ?? "")).toEqual({ userId: owner.userId, generation: 1, current: 2 });

    const delivery = await watching.next();
    expect(delivery.headers.get("webhook-signature")).toBe(
      new Bun.CryptoHasher("sha256", signingToken).update(delivery.body).digest("base64"),
    );
    expect(JSON.parse(delivery.body.toString())).toEqual({
      event: "session.reuse-detected",
      data: {
        session: {
          id: owner.sessionId,
          createdAt: isoTime(loggedInAt),
          lastUsedAt: isoTime(stolenAt),
          address: "127.0.0.1",
          userAgent: "Owner/1.0",
          origin: null,
        },
        usedFrom: { address: "127.0.0.1", userAgent: "Owner/1.0", origin: "https://app.example.com" },
        user: expect.objectContaining({ id: owner.userId, email: owner.email }),
      },
      triggeredAt: isoTime(clock.now()),
    });
    expect(delivery.body.toString()).not.toContain("ptr_");
  });

  test("that the owner used first ends both when the thief comes after the grace", async () => {
    const owner = await logIn(postern, pool.take());
    const next = await tokensOf(await send(owner.refreshToken));
    clock.move(grace);
    expect(await outcomeOf(await send(owner.refreshToken, "Thief/1.0"))).toBe("400 INVALID_REFRESH_TOKEN");
    await expectDead(next);
    expect(audited(owner)).toMatchObject([{ user_agent: "Thief/1.0" }]);
    const { data } = JSON.parse((await watching.next()).body.toString());
    expect(data).toMatchObject({ session: { id: owner.sessionId }, usedFrom: { userAgent: "Thief/1.0" } });
  });

  test("that comes back fifty times at once is told once", async () => {
    const owner = await logIn(postern, pool.take());
    await send(owner.refreshToken);
    clock.move(grace);
    const answers = await Promise.all(
      Array.from({ length: 50 }, async () => outcomeOf(await send(owner.refreshToken))),
    );
    expect(new Set(answers)).toEqual(new Set(["400 INVALID_REFRESH_TOKEN"]));
    expect([audited(owner).length, told(owner)]).toEqual([1, 1]);
    expect(JSON.parse((await watching.next()).body.toString()).data.session.id).toBe(owner.sessionId);
  });

  test("takes down no other session of the user", async () => {
    const owner = await logIn(postern, pool.take());
    const other = await logIn(postern, owner.email);
    await send(owner.refreshToken);
    clock.move(grace);
    await send(owner.refreshToken);
    expect(audited(owner)).toHaveLength(1);
    expect((await send(other.refreshToken)).status).toBe(200);
    await watching.next();
  });

  test("of a session that is over is refused, and raises no alarm any more", async () => {
    const owner = await logIn(postern, pool.take());
    const next = await tokensOf(await send(owner.refreshToken));
    await postern.post("/v3/accounts/logout", { refreshToken: next.refreshToken });
    clock.move(grace);
    await expectDead(owner);
    expect([audited(owner).length, told(owner)]).toEqual([0, 0]);
  });

  test("of a user who was deleted is refused", async () => {
    const owner = await logIn(postern, pool.take());
    damage(postern.dataDir, "DELETE FROM sessions WHERE user_id = ?", owner.userId);
    damage(postern.dataDir, "DELETE FROM users WHERE id = ?", owner.userId);
    await expectDead(owner);
  });
});

test("POSTERN_REFRESH_GRACE sets how long a spent token is answered again", async () => {
  const dataDir = await seededFolder([user("ada")]);
  for (const [given, ms] of [
    ["0s", 0],
    ["60s", 60_000],
  ] as const) {
    const other = await startInProcess({ dataDir, clock, settings: { POSTERN_REFRESH_GRACE: given } });
    const ask = (refreshToken: string) => other.post("/v3/accounts/refresh", { refreshToken });
    if (ms > 0) {
      const { refreshToken } = await logIn(other, "ada@example.com");
      const next = await tokensOf(await ask(refreshToken));
      clock.move(ms - 1);
      expect((await tokensOf(await ask(refreshToken))).refreshToken).toBe(next.refreshToken);
    }
    const { refreshToken } = await logIn(other, "ada@example.com");
    await ask(refreshToken);
    clock.move(ms);
    expect((await ask(refreshToken)).status).toBe(400);
    await other.server.stop();
  }
});

test("who asked for logins alone was told of no reuse, nor was another account's receiver", () => {
  const events = incurious.received.map(({ body }) => JSON.parse(body.toString()).event);
  expect(new Set(events)).toEqual(new Set(["account.logged-in"]));
  expect(foreign.received).toEqual([]);
  expect(watching.received.map(({ body }) => JSON.parse(body.toString()).event)).not.toContain(
    "account.logged-in",
  );
});
