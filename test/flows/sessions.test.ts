import { beforeAll, describe, expect, test } from "bun:test";
import { isoTime } from "../../src/lib/clock.ts";
import { rowsOf } from "../support/database.ts";
import { type LoggedIn, logIn, outcomeOf } from "../support/logged-in.ts";
import { type StartedInProcess, startInProcess } from "../support/postern.ts";
import { seededFolder, user, userPool } from "../support/seed.ts";
import { stoppedClock } from "../support/stopped-clock.ts";

const minute = 60_000;
const day = 24 * 60 * minute;
const clock = stoppedClock();
const pool = userPool("guest", 20);

let postern: StartedInProcess;

beforeAll(async () => {
  postern = await startInProcess({
    dataDir: await seededFolder(pool.names.map((name) => user(name))),
    clock,
  });
});

const refresh = async ({ refreshToken }: LoggedIn) =>
  outcomeOf(await postern.post("/v3/accounts/refresh", { refreshToken }));

const listOf = async (who: LoggedIn): Promise<{ id: string; current: boolean }[]> =>
  JSON.parse(await (await who.call("GET", "/v3/me/sessions")).text());

const idsOf = async (who: LoggedIn) => (await listOf(who)).map(({ id }) => id);

const endings = (targetId: string) =>
  rowsOf<{ action: string; actor: string; details: string }>(
    postern.dataDir,
    "SELECT action, actor, details FROM audit_log WHERE target_id = ? AND action = 'session.ended'",
    targetId,
  );

/** Holds a session to be over for good: its access token and its refresh token. */
async function expectEnded(who: LoggedIn): Promise<void> {
  expect(await outcomeOf(await who.call("GET", "/v3/me"))).toBe("401 UNAUTHENTICATED");
  expect(await refresh(who)).toBe("400 INVALID_REFRESH_TOKEN");
}

/** Holds a session to be alive, by a refresh that spends its token. */
async function expectAlive(who: LoggedIn): Promise<void> {
  expect(await outcomeOf(await who.call("GET", "/v3/me"))).toBe("200");
  expect(await refresh(who)).toBe("200");
}

describe("GET /v3/me/sessions", () => {
  test("shows when and from where each session was made and last used, the last used first", async () => {
    const email = pool.take();
    const first = await logIn(postern, email, {
      headers: { "user-agent": "Phone/1.0", origin: "https://app.example.com" },
    });
    const firstAt = clock.now();
    clock.move(minute);
    const second = await logIn(postern, email, { headers: { "user-agent": "Desk/2.0" } });
    const secondAt = clock.now();
    clock.move(minute);
    expect(await refresh(first)).toBe("200");

    const response = await second.call("GET", "/v3/me/sessions");
    expect(response.status).toBe(200);
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(await response.json()).toEqual([
      {
        id: first.sessionId,
        createdAt: isoTime(firstAt),
        lastUsedAt: isoTime(clock.now()),
        address: "127.0.0.1",
        userAgent: "Phone/1.0",
        origin: "https://app.example.com",
        current: false,
      },
      {
        id: second.sessionId,
        createdAt: isoTime(secondAt),
        lastUsedAt: isoTime(secondAt),
        address: "127.0.0.1",
        userAgent: "Desk/2.0",
        origin: null,
        current: true,
      },
    ]);
  });

  test("leaves out those that were idle for 30 days, to the millisecond, and those that ended", async () => {
    const email = pool.take();
    const idle = await logIn(postern, email);
    clock.move(30 * day - 2);
    const [ended, last] = [await logIn(postern, email), await logIn(postern, email)];
    await ended.call("DELETE", `/v3/me/sessions/${ended.sessionId}`);
    clock.move(1);
    expect((await idsOf(last)).toSorted()).toEqual([idle.sessionId, last.sessionId].toSorted());
    clock.move(1);
    expect(await idsOf(last)).toEqual([last.sessionId]);
  });

  test("has a hundred at most: a further login ends the oldest", async () => {
    const email = pool.take();
    const oldest = await logIn(postern, email);
    clock.move(1);
    for (let more = 1; more < 100; more += 1) await logIn(postern, email);
    expect(await idsOf(oldest)).toHaveLength(100);
    clock.move(1);
    const newest = await logIn(postern, email);
    expect(await idsOf(newest)).toHaveLength(100);
    await expectEnded(oldest);
  });

  test("answers HEAD without a body", async () => {
    const response = await (await logIn(postern, pool.take())).call("HEAD", "/v3/me/sessions");
    expect([response.status, await response.text()]).toEqual([200, ""]);
  });
});

describe("DELETE /v3/me/sessions/{id}", () => {
  test("ends that session alone, at once, with an audit entry", async () => {
    const email = pool.take();
    const [mine, lost] = [await logIn(postern, email), await logIn(postern, email)];
    const response = await mine.call("DELETE", `/v3/me/sessions/${lost.sessionId}`);
    expect([response.status, await response.text()]).toEqual([204, ""]);
    await expectEnded(lost);
    await expectAlive(mine);
    const [entry, ...others] = endings(lost.sessionId);
    expect(others).toEqual([]);
    expect(entry).toMatchObject({ actor: "user" });
    expect(JSON.parse(entry?.details ?? "")).toEqual({ userId: mine.userId, reason: "logout" });
  });

  test("ends one's own session too", async () => {
    const mine = await logIn(postern, pool.take());
    expect(await outcomeOf(await mine.call("DELETE", `/v3/me/sessions/${mine.sessionId}`))).toBe("204");
    await expectEnded(mine);
  });

  test("answers 404 alike to somebody else's session, one that ended and one that never was, and ends nothing", async () => {
    const [mine, other] = [await logIn(postern, pool.take()), await logIn(postern, pool.take())];
    const ended = await logIn(postern, mine.email);
    await ended.call("DELETE", `/v3/me/sessions/${ended.sessionId}`);
    const answers = new Set<string>();
    for (const id of [other.sessionId, ended.sessionId, crypto.randomUUID(), "x", "%27%20OR%201=1"]) {
      const response = await mine.call("DELETE", `/v3/me/sessions/${id}`);
      expect(response.status).toBe(404);
      answers.add(await response.text());
    }
    expect(answers.size).toBe(1);
    await expectAlive(other);
    await expectAlive(mine);
    expect(endings(other.sessionId)).toEqual([]);
  });

  test("takes an id of 36 characters, and refuses one of 37 as no valid request", async () => {
    const mine = await logIn(postern, pool.take());
    const end = async (length: number) =>
      outcomeOf(await mine.call("DELETE", `/v3/me/sessions/${"x".repeat(length)}`));
    expect([await end(36), await end(37)]).toEqual(["404 NOT_FOUND", "400 INVALID_REQUEST"]);
  });
});

describe("DELETE /v3/me/sessions", () => {
  test("ends all sessions of the user, and nobody else's", async () => {
    const email = pool.take();
    const [one, other] = [await logIn(postern, email), await logIn(postern, email)];
    const stranger = await logIn(postern, pool.take());
    const response = await one.call("DELETE", "/v3/me/sessions");
    expect([response.status, await response.text()]).toEqual([204, ""]);
    await expectEnded(one);
    await expectEnded(other);
    await expectAlive(stranger);
    const [entry, ...others] = endings(one.userId);
    expect(others).toEqual([]);
    expect(JSON.parse(entry?.details ?? "")).toEqual({ reason: "logout", others: false, count: 2 });
    expect(
      await outcomeOf(await postern.post("/v3/accounts/refresh", { refreshToken: one.refreshToken })),
    ).toBe("400 INVALID_REFRESH_TOKEN");
  });

  test("with keepCurrent=true ends all but the one that asks, and again nothing", async () => {
    const email = pool.take();
    const [mine, one, other] = [
      await logIn(postern, email),
      await logIn(postern, email),
      await logIn(postern, email),
    ];
    for (let time = 1; time <= 2; time += 1) {
      expect(await outcomeOf(await mine.call("DELETE", "/v3/me/sessions?keepCurrent=true"))).toBe("204");
    }
    await expectEnded(one);
    await expectEnded(other);
    expect(await listOf(mine)).toEqual([expect.objectContaining({ id: mine.sessionId, current: true })]);
    await expectAlive(mine);
    expect(endings(mine.userId)).toHaveLength(1);
  });

  test("with keepCurrent=false ends this one too", async () => {
    const mine = await logIn(postern, pool.take());
    await mine.call("DELETE", "/v3/me/sessions?keepCurrent=false");
    await expectEnded(mine);
  });

  test.each(["yes", "TRUE", "1", ""])(
    "with keepCurrent=%p ends nothing and says what it takes",
    async (value) => {
      const mine = await logIn(postern, pool.take());
      const response = await mine.call("DELETE", `/v3/me/sessions?keepCurrent=${value}`);
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({
        code: "INVALID_REQUEST",
        message: "keepCurrent must be one of true, false.",
        errors: [{ path: "/keepCurrent" }],
      });
      await expectAlive(mine);
    },
  );
});
