import { beforeAll, describe, expect, test } from "bun:test";
import { rowsOf } from "../support/database.ts";
import { type StartedInProcess, startInProcess } from "../support/postern.ts";
import { rawPost, sendRaw } from "../support/raw-http.ts";
import {
  createAccount,
  importRecords,
  password,
  seededFolder,
  user,
  userPool,
  webhook,
} from "../support/seed.ts";
import { stoppedClock } from "../support/stopped-clock.ts";
import { partOf, tokensOf } from "../support/tokens.ts";
import { authenticatorCode, totpSecret } from "../support/totp.ts";

const clock = stoppedClock();
const pool = userPool("effect", 12);
// Nobody listens there: what is written is looked at, not what arrives.
const nowhere = "http://127.0.0.1:9/";
const settings = { POSTERN_WEBHOOK_ALLOW_NETWORKS: "127.0.0.0/8" };

let postern: StartedInProcess;

beforeAll(async () => {
  const dataDir = await seededFolder([
    ...pool.names.map((name) => user(name)),
    user("guarded", { twoFactorSecret: totpSecret }),
  ]);
  await importRecords(
    dataDir,
    [
      webhook(nowhere, "one", { id: "wants-it" }),
      webhook(nowhere, "two", { id: "wants-it-too" }),
      webhook(nowhere, "three", { id: "inactive", active: false }),
      webhook(nowhere, "four", { id: "wants-another", events: ["session.reuse-detected"] }),
    ],
    undefined,
    settings,
  );
  await createAccount(dataDir, { id: "other", alias: "other" });
  await importRecords(dataDir, [webhook(nowhere, "five", { id: "of-another-account" })], "other", settings);
  postern = await startInProcess({ dataDir, clock, settings });
});

const accountAlias = "acme-corp";

type UserRow = { id: string; last_login_at: number | null; last_seen_at: number | null; updated_at: number };

const userOf = (email: string) => {
  const [row] = rowsOf<UserRow>(postern.dataDir, "SELECT * FROM users WHERE email = ?", email);
  if (row === undefined) throw new Error(`${email} is not there`);
  return row;
};

/** Everything that logins leave behind, by the number of rows. */
const written = () =>
  rowsOf<Record<string, number>>(
    postern.dataDir,
    `SELECT (SELECT count(*) FROM sessions) AS sessions, (SELECT count(*) FROM outbox_events) AS events,
            (SELECT count(*) FROM outbox_deliveries) AS deliveries,
            (SELECT count(*) FROM audit_log WHERE action = 'login.succeeded') AS audit`,
  )[0];

describe("a login that is answered 200 leaves behind, all of one moment,", () => {
  const headers = { origin: "https://app.example.com", "user-agent": "Example/1.0 (tests)" };
  const email = pool.take();
  let before: UserRow;
  let sessionId = "";

  beforeAll(async () => {
    before = userOf(email);
    clock.move(60_000);
    const response = await postern.post("/v3/accounts/login", { accountAlias, email, password }, headers);
    const { accessToken } = await tokensOf(response);
    sessionId = String(partOf(accessToken, 1)["sid"]);
  });

  test("the user's times, and moves nothing else of it", () => {
    const now = clock.now();
    expect(userOf(email)).toEqual({ ...before, last_login_at: now, last_seen_at: now });
  });

  test("the session, with where it came from", () => {
    expect(rowsOf(postern.dataDir, "SELECT * FROM sessions WHERE id = ?", sessionId)).toEqual([
      expect.objectContaining({
        user_id: before.id,
        generation: 1,
        origin: headers.origin,
        user_agent: headers["user-agent"],
        address: "127.0.0.1",
        created_at: clock.now(),
        expires_at: clock.now() + 90 * 24 * 60 * 60_000,
        ended_at: null,
      }),
    ]);
  });

  test("the audit entry, with where it came from", () => {
    expect(rowsOf(postern.dataDir, "SELECT * FROM audit_log WHERE target_id = ?", before.id)).toContainEqual({
      id: expect.any(String),
      account_id: expect.any(String),
      at: clock.now(),
      action: "login.succeeded",
      actor: "user",
      target_kind: "user",
      target_id: before.id,
      origin: headers.origin,
      user_agent: headers["user-agent"],
      address: "127.0.0.1",
      details: JSON.stringify({ sessionId, secondFactor: null }),
    });
  });

  test("the event, and a delivery for each active webhook of the account that wants it", () => {
    const [event, ...others] = rowsOf<{ id: string; type: string; body: string; created_at: number }>(
      postern.dataDir,
      "SELECT * FROM outbox_events WHERE body LIKE ?",
      `%"${email}"%`,
    );
    expect(others).toEqual([]);
    expect(event).toMatchObject({ type: "account.logged-in", created_at: clock.now() });
    expect(event?.id).toMatch(/^evt_[0-9a-f]{32}$/);
    const deliveries = rowsOf<{ webhook_id: string }>(
      postern.dataDir,
      "SELECT webhook_id FROM outbox_deliveries WHERE event_id = ? ORDER BY webhook_id",
      event?.id ?? "",
    );
    expect(deliveries.map(({ webhook_id }) => webhook_id)).toEqual(["wants-it", "wants-it-too"]);
  });
});

describe("a session", () => {
  const sessionsOf = (email: string) =>
    rowsOf<Record<string, unknown>>(
      postern.dataDir,
      "SELECT sessions.* FROM sessions JOIN users ON users.id = user_id WHERE email = ? ORDER BY sessions.created_at",
      email,
    );

  test("of a client that says nothing of itself says nothing of it", async () => {
    const email = pool.take();
    // As the desktop SDK sends it: neither origin nor user agent.
    const body = JSON.stringify({ accountAlias, email, password });
    const { status } = await sendRaw(postern.url, [rawPost("/v3/accounts/login", body, ["x-account-id: 1"])]);
    expect(status).toBe(200);
    expect(sessionsOf(email)).toEqual([expect.objectContaining({ origin: null, user_agent: null })]);
  });

  test("keeps no more of a long header than is useful", async () => {
    const email = pool.take();
    const headers = { origin: "o".repeat(5_000), "user-agent": "u".repeat(5_000) };
    await postern.post("/v3/accounts/login", { accountAlias, email, password }, headers);
    expect(sessionsOf(email)).toEqual([
      expect.objectContaining({ origin: "o".repeat(256), user_agent: "u".repeat(512) }),
    ]);
  });

  test("is one of a hundred of its user at most: a further login ends the oldest", async () => {
    const email = pool.take();
    for (let login = 0; login < 102; login += 1) {
      clock.move(1);
      expect((await postern.login({ accountAlias, email, password })).status).toBe(200);
    }
    const sessions = sessionsOf(email);
    expect(sessions).toHaveLength(102);
    expect(sessions.slice(0, 2).map(({ end_reason }) => end_reason)).toEqual(
      Array(2).fill("too-many-sessions"),
    );
    expect(sessions.slice(2).every(({ ended_at }) => ended_at === null)).toBe(true);
  });
});

describe("a login that is refused leaves nothing behind", () => {
  test.each<[string, Record<string, unknown>]>([
    ["with a wrong password", { password: "wrong password" }],
    ["of an unknown user", { email: "ghost@example.com" }],
    ["that breaks a bound", { password: "short" }],
    ["without a code", { email: "guarded@example.com" }],
    ["with a wrong code", { email: "guarded@example.com", twoFactorCode: "abcdef" }],
    ["with a wrong recovery code", { email: "guarded@example.com", twoFactorRecoveryCode: "wrong-code" }],
  ])("%s", async (_, fields) => {
    const email = pool.take();
    const [before, user] = [written(), userOf(email)];
    const { status } = await postern.login({ accountAlias, email, password, ...fields });
    expect(status).toBe(400);
    expect(written()).toEqual(before);
    expect(userOf(email)).toEqual(user);
  });

  test("but its failure, with where it came from, for a user that exists alone", async () => {
    const email = pool.take();
    const headers = { origin: "https://evil.example", "user-agent": "Guess/1.0" };
    const wrong = { accountAlias, email, password: "wrong password" };
    await postern.post("/v3/accounts/login", wrong, headers);
    await postern.post("/v3/accounts/login", { ...wrong, email: "ghost-2@example.com" }, headers);
    const entries = rowsOf<Record<string, unknown>>(
      postern.dataDir,
      "SELECT * FROM audit_log WHERE user_agent = 'Guess/1.0'",
    );
    expect(entries).toEqual([
      expect.objectContaining({
        action: "login.failed",
        target_id: userOf(email).id,
        origin: headers.origin,
        address: "127.0.0.1",
        details: '{"factor":"password"}',
      }),
    ]);
  });
});

test("the audit entry names the second factor that let it in", async () => {
  const twoFactorCode = authenticatorCode(totpSecret, clock.now());
  const login = { accountAlias, email: "guarded@example.com", password, twoFactorCode };
  expect((await postern.login(login)).status).toBe(200);
  const [entry] = rowsOf<{ details: string }>(
    postern.dataDir,
    "SELECT details FROM audit_log WHERE action = 'login.succeeded' ORDER BY id DESC LIMIT 1",
  );
  expect(JSON.parse(entry?.details ?? "")).toEqual({ sessionId: expect.any(String), secondFactor: "code" });
});
