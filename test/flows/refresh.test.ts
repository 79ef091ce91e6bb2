import { beforeAll, describe, expect, test } from "bun:test";
import { rowsOf } from "../support/database.ts";
import { type StartedInProcess, startInProcess } from "../support/postern.ts";
import { account, command, password, seededFolder, user, userPool } from "../support/seed.ts";
import { stoppedClock } from "../support/stopped-clock.ts";
import { partOf, tokensOf } from "../support/tokens.ts";

const second = 1_000;
const day = 24 * 60 * 60 * second;
const clock = stoppedClock();
const pool = userPool("refresher", 20);

let postern: StartedInProcess;

beforeAll(async () => {
  const dataDir = await seededFolder(pool.names.map((name) => user(name)));
  postern = await startInProcess({ dataDir, clock });
});

const send = (refreshToken: unknown) => postern.post("/v3/accounts/refresh", { refreshToken });
const refresh = async (refreshToken: string) => tokensOf(await send(refreshToken));

async function logIn(email = pool.take()) {
  const tokens = await tokensOf(await postern.post("/v3/accounts/login", { email, password }));
  return { ...tokens, email, sessionId: String(partOf(tokens.accessToken, 1)["sid"]) };
}

/** Holds an answer to the one refusal there is, whatever the reason. */
async function expectRefused(refreshToken: string): Promise<void> {
  const response = await send(refreshToken);
  expect(response.status).toBe(400);
  expect(response.headers.get("cache-control")).toBe("no-store");
  expect(await response.json()).toEqual({
    code: "INVALID_REFRESH_TOKEN",
    message: "The refresh token is not valid: log in again.",
  });
}

const sessionRow = (id: string) =>
  rowsOf<Record<string, unknown>>(postern.dataDir, "SELECT * FROM sessions WHERE id = ?", id)[0];

describe("a refresh", () => {
  test("answers the next pair of the same session, never to be stored", async () => {
    const first = await logIn();
    clock.move(60 * second);
    const response = await send(first.refreshToken);
    expect(response.status).toBe(200);
    expect(response.headers.get("cache-control")).toBe("no-store");
    const text = await response.text();
    const next = JSON.parse(text);
    expect(Object.keys(next).sort()).toEqual(["accessToken", "refreshToken"]);
    expect(next.refreshToken).not.toBe(first.refreshToken);
    const [before, after] = [partOf(first.accessToken, 1), partOf(next.accessToken, 1)];
    expect(after).toEqual({
      ...before,
      iat: Number(before["iat"]) + 60,
      exp: Number(before["exp"]) + 60,
      jti: expect.any(String),
    });
    expect(after["jti"]).not.toBe(before["jti"]);
    expect(sessionRow(first.sessionId)).toMatchObject({ generation: 2, last_used_at: clock.now() });
  });

  test("goes on from pair to pair", async () => {
    let { refreshToken } = await logIn();
    for (let round = 0; round < 5; round += 1) {
      clock.move(60 * second);
      ({ refreshToken } = await refresh(refreshToken));
    }
    expect(refreshToken).toStartWith("ptr_");
  });

  test("is no login: it moves lastSeenAt, and neither lastLoginAt nor a webhook", async () => {
    const { refreshToken, email } = await logIn();
    const loggedInAt = clock.now();
    const events = () => rowsOf(postern.dataDir, "SELECT id FROM outbox_events").length;
    const before = events();
    clock.move(60 * second);
    await refresh(refreshToken);
    expect(events()).toBe(before);
    expect(
      rowsOf<Record<string, number>>(
        postern.dataDir,
        "SELECT last_login_at, last_seen_at FROM users WHERE email = ?",
        email,
      ),
    ).toEqual([{ last_login_at: loggedInAt, last_seen_at: clock.now() }]);
  });

  test("with an access token is refused", async () => {
    const { status } = await send((await logIn()).accessToken);
    expect(status).toBe(400);
  });

  test.each<[string, Record<string, unknown>]>([
    ["no token", {}],
    ["null", { refreshToken: null }],
    ["an empty one", { refreshToken: "" }],
    ["a number", { refreshToken: 5 }],
    ["one of 4,097 characters", { refreshToken: "x".repeat(4_097) }],
  ])("with %s is no valid request", async (_, body) => {
    const response = await postern.post("/v3/accounts/refresh", body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      code: "INVALID_REQUEST",
      errors: [{ path: "/refreshToken" }],
    });
  });

  test("with one of 4,096 characters is refused as any other", async () => {
    await expectRefused("x".repeat(4_096));
  });
});

describe("a spent refresh token", () => {
  test("is answered with its successor again within 30 s: a lost answer or a second tab makes no second branch", async () => {
    const { refreshToken } = await logIn();
    const next = await refresh(refreshToken);
    clock.move(30 * second - 1);
    expect((await refresh(refreshToken)).refreshToken).toBe(next.refreshToken);
    expect((await refresh(next.refreshToken)).refreshToken).toStartWith("ptr_");
  });

  test("ends its session when it comes after 30 s, with an audit entry that says from where", async () => {
    const { refreshToken, accessToken, sessionId } = await logIn();
    const next = await refresh(refreshToken);
    clock.move(30 * second);
    const response = await postern.post(
      "/v3/accounts/refresh",
      { refreshToken },
      { "user-agent": "Thief/1.0" },
    );
    expect(response.status).toBe(400);
    expect(sessionRow(sessionId)).toMatchObject({ ended_at: clock.now(), end_reason: "reuse-detected" });
    await expectRefused(next.refreshToken);
    expect((await postern.get("/v3/me", { authorization: `Bearer ${accessToken}` })).status).toBe(401);
    const entries = rowsOf<Record<string, unknown>>(
      postern.dataDir,
      "SELECT * FROM audit_log WHERE target_id = ?",
      sessionId,
    );
    expect(entries).toEqual([
      expect.objectContaining({
        action: "session.reuse-detected",
        user_agent: "Thief/1.0",
        address: "127.0.0.1",
      }),
    ]);
  });

  test("of two generations ago is refused within 30 s, and ends nothing", async () => {
    const { refreshToken } = await logIn();
    const second = await refresh(refreshToken);
    const third = await refresh(second.refreshToken);
    await expectRefused(refreshToken);
    expect((await refresh(third.refreshToken)).refreshToken).toStartWith("ptr_");
  });

  test("of two generations ago ends the session after 30 s", async () => {
    const { refreshToken, sessionId } = await logIn();
    const second = await refresh(refreshToken);
    await refresh(second.refreshToken);
    clock.move(30_000);
    await expectRefused(refreshToken);
    expect(sessionRow(sessionId)?.["end_reason"]).toBe("reuse-detected");
  });

  test("sent a hundred times at once makes one successor", async () => {
    const { refreshToken, sessionId } = await logIn();
    const pairs = await Promise.all(Array.from({ length: 100 }, () => refresh(refreshToken)));
    expect(new Set(pairs.map((pair) => pair.refreshToken)).size).toBe(1);
    expect(sessionRow(sessionId)).toMatchObject({ generation: 2, ended_at: null });
  });

  test("that was never a token ends nothing, however much of it is right", async () => {
    const { refreshToken, sessionId } = await logIn();
    const bytes = Buffer.from(refreshToken.slice(4), "base64url");
    bytes[19] = (bytes[19] ?? 0) + 1;
    await expectRefused(`ptr_${bytes.toString("base64url")}`);
    await expectRefused(
      `ptr_${Buffer.concat([bytes.subarray(0, 20), Buffer.alloc(32)]).toString("base64url")}`,
    );
    await expectRefused(sessionId);
    clock.move(60 * second);
    expect((await refresh(refreshToken)).refreshToken).toStartWith("ptr_");
  });
});

describe("a session is over", () => {
  test("30 days after its last refresh", async () => {
    const [one, other] = [await logIn(), await logIn()];
    clock.move(30 * day - 1);
    const next = await refresh(one.refreshToken);
    clock.move(1);
    await expectRefused(other.refreshToken);
    clock.move(30 * day - 2);
    expect((await refresh(next.refreshToken)).refreshToken).toStartWith("ptr_");
  });

  test("90 days after its login, however often it was refreshed", async () => {
    let { refreshToken } = await logIn();
    for (let month = 0; month < 3; month += 1) {
      clock.move(30 * day - 1);
      ({ refreshToken } = await refresh(refreshToken));
    }
    clock.move(2);
    ({ refreshToken } = await refresh(refreshToken));
    clock.move(1);
    await expectRefused(refreshToken);
  });

  test("when its user is suspended, also after the user is resumed", async () => {
    const { refreshToken, email } = await logIn();
    const named = ["--account", account.id, "--email", email];
    await command(postern.dataDir, ["user", "suspend", ...named]);
    await expectRefused(refreshToken);
    await command(postern.dataDir, ["user", "resume", ...named]);
    await expectRefused(refreshToken);
  });

  test("when its user gets another password", async () => {
    const { refreshToken, accessToken, email } = await logIn();
    const set = ["user", "set-password", "--account", account.id, "--email", email, "--password-stdin"];
    await command(postern.dataDir, set, { input: "another good password" });
    await expectRefused(refreshToken);
    expect((await postern.get("/v3/me", { authorization: `Bearer ${accessToken}` })).status).toBe(401);
  });

  test("for as long as its account is suspended", async () => {
    const { refreshToken, accessToken } = await logIn();
    const me = async () => (await postern.get("/v3/me", { authorization: `Bearer ${accessToken}` })).status;
    await command(postern.dataDir, ["account", "suspend", account.id]);
    await expectRefused(refreshToken);
    expect(await me()).toBe(401);
    await command(postern.dataDir, ["account", "resume", account.id]);
    expect(await me()).toBe(200);
    expect((await refresh(refreshToken)).refreshToken).toStartWith("ptr_");
  });
});
