import { beforeAll, describe, expect, test } from "bun:test";
import { damage } from "../support/database.ts";
import { type LoginAnswer, type StartedBinary, startBinary } from "../support/postern.ts";
import { account, command, password, seededFolder, user, userPool } from "../support/seed.ts";
import { authenticatorCode, totpSecret } from "../support/totp.ts";

const path = "/v3/accounts/login";
const pool = userPool("answer", 12);
const guarded = userPool("guarded", 8);

let postern: StartedBinary;

beforeAll(async () => {
  const dataDir = await seededFolder([
    user("ada"),
    user("no-password", { password: undefined }),
    user("garbage"),
    user("away", { status: "suspended" }),
    ...pool.names.map((name) => user(name)),
    ...guarded.names.map((name) =>
      user(name, { twoFactorSecret: totpSecret, recoveryCodes: ["abcd-efgh", "ijkl-mnop"] }),
    ),
  ]);
  postern = await startBinary({ dataDir });
});

/** Holds an error to the contract: status, exactly a code and a sentence, and never to be stored. */
function expectError({ status, headers, body }: LoginAnswer, expected: number, code: string): void {
  expect([status, body["code"]]).toEqual([expected, code]);
  expect(Object.keys(body).sort()).toEqual(["code", "message"]);
  expect(body["message"]).toMatch(/^[A-Z].*\.$/);
  expect(headers.get("content-type")).toStartWith("application/json");
  expect(headers.get("cache-control")).toBe("no-store");
}

describe("a login", () => {
  test("that is right is answered 200 with exactly the two tokens, never to be stored", async () => {
    const { status, headers, body } = await postern.login({ email: "ada@example.com", password });
    expect(status).toBe(200);
    expect(body).toEqual({
      accessToken: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
      refreshToken: expect.stringMatching(/^ptr_[\w-]+$/),
    });
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("content-type")).toStartWith("application/json");
  });

  test.each<[string, Record<string, unknown>]>([
    ["of an unknown account", { accountId: "nobody" }],
    ["of an unknown e-mail address", { email: "nobody@example.com" }],
    ["with a wrong password", { password: "wrong password" }],
    ["of a user without a password", { email: "no-password@example.com" }],
  ])("%s is refused with INVALID_CREDENTIALS", async (_, fields) => {
    expectError(await postern.login({ email: pool.take(), password, ...fields }), 400, "INVALID_CREDENTIALS");
  });

  test("against a stored hash that is garbage is refused as a wrong password, and somebody is told", async () => {
    damage(postern.dataDir, "UPDATE users SET password_hash = 'garbage' WHERE email = 'garbage@example.com'");
    expectError(await postern.login({ email: "garbage@example.com", password }), 400, "INVALID_CREDENTIALS");
    const line = await postern.line(/stored password hash cannot be used/);
    expect(JSON.parse(line)).toMatchObject({ level: "error", userId: expect.any(String) });
  });

  test("with a right password and no code is told that one is missing", async () => {
    const email = guarded.take();
    expectError(await postern.login({ email, password }), 400, "MISSING_TWO_FACTOR_CODE");
    const none = { twoFactorCode: "", twoFactorRecoveryCode: null };
    expectError(await postern.login({ email, password, ...none }), 400, "MISSING_TWO_FACTOR_CODE");
  });

  test("with a wrong password is told nothing of a second factor, whatever code it brings", async () => {
    const email = guarded.take();
    const wrong = { email, password: "wrong password" };
    const code = authenticatorCode(totpSecret, Date.now());
    expectError(await postern.login(wrong), 400, "INVALID_CREDENTIALS");
    expectError(await postern.login({ ...wrong, twoFactorCode: code }), 400, "INVALID_CREDENTIALS");
    expectError(
      await postern.login({ ...wrong, twoFactorRecoveryCode: "abcd-efgh" }),
      400,
      "INVALID_CREDENTIALS",
    );
  });

  test("with a wrong code or recovery code is told which", async () => {
    const email = guarded.take();
    const right = authenticatorCode(totpSecret, Date.now());
    const wrong = String((Number(right) + 500_000) % 1_000_000).padStart(6, "0");
    expectError(
      await postern.login({ email, password, twoFactorCode: wrong }),
      400,
      "INVALID_TWO_FACTOR_CODE",
    );
    expectError(
      await postern.login({ email, password, twoFactorCode: "abcdef" }),
      400,
      "INVALID_TWO_FACTOR_CODE",
    );
    expectError(
      await postern.login({ email, password, twoFactorRecoveryCode: "qrst-uvwx" }),
      400,
      "INVALID_TWO_FACTOR_RECOVERY_CODE",
    );
  });

  test("of a suspended user is told so", async () => {
    expectError(await postern.login({ email: "away@example.com", password }), 400, "USER_SUSPENDED");
  });

  test("of a locked identity is told how long to wait", async () => {
    const email = pool.take();
    for (let failure = 0; failure < 5; failure += 1) {
      expectError(await postern.login({ email, password: "wrong password" }), 400, "INVALID_CREDENTIALS");
    }
    const locked = await postern.login({ email, password });
    expectError(locked, 429, "LOGIN_TEMPORARILY_LOCKED");
    expect(locked.headers.get("retry-after")).toMatch(/^(29\d|300)$/);
  });
});

describe("a login with both second factors", () => {
  test("is judged by the code alone, and the recovery code is not spent", async () => {
    const email = guarded.take();
    const codes = { twoFactorCode: "000000", twoFactorRecoveryCode: "abcd-efgh" };
    if (authenticatorCode(totpSecret, Date.now()) === codes.twoFactorCode) codes.twoFactorCode = "000001";
    expectError(await postern.login({ email, password, ...codes }), 400, "INVALID_TWO_FACTOR_CODE");
    codes.twoFactorCode = authenticatorCode(totpSecret, Date.now());
    codes.twoFactorRecoveryCode = "not one of them";
    expect((await postern.login({ email, password, ...codes })).status).toBe(200);
    expect((await postern.login({ email, password, twoFactorRecoveryCode: "abcd-efgh" })).status).toBe(200);
  });

  test("is judged by the recovery code when the code is empty or null", async () => {
    const email = guarded.take();
    for (const [twoFactorCode, twoFactorRecoveryCode] of [
      ["", "abcd-efgh"],
      [null, "ijkl-mnop"],
    ]) {
      expect((await postern.login({ email, password, twoFactorCode, twoFactorRecoveryCode })).status).toBe(
        200,
      );
    }
  });

  test("is answered 200 for a user who has none: both are ignored", async () => {
    const codes = { twoFactorCode: "123456", twoFactorRecoveryCode: "abcd-efgh" };
    expect((await postern.login({ email: "ada@example.com", password, ...codes })).status).toBe(200);
  });
});

describe("what is no login", () => {
  const errorOf = async (response: Response) => {
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, body: JSON.parse(text) };
  };

  test.each(["GET", "PUT", "PATCH", "DELETE", "OPTIONS"])(
    "%s of its path is 405 and says what is allowed",
    async (method) => {
      const answer = await errorOf(await fetch(postern.url + path, { method }));
      expectError(answer, 405, "METHOD_NOT_ALLOWED");
      expect(answer.headers.get("allow")).toBe("POST");
    },
  );

  test("HEAD of its path is 405 too, without a body", async () => {
    const response = await fetch(postern.url + path, { method: "HEAD" });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "POST"]);
    expect(await response.text()).toBe("");
  });

  test.each([
    "/v3/accounts/login/",
    "/v3/accounts/Login",
    "/v3//accounts/login",
    "/v3/accounts",
    "/login",
    "/%2e%2e",
  ])("a path such as %s is 404", async (other) => {
    expectError(await errorOf(await postern.post(other, "{}")), 404, "NOT_FOUND");
  });

  test("an unknown path is 404 before its body is looked at", async () => {
    const init = { method: "POST", headers: { "content-type": "text/plain" }, body: "x".repeat(100_000) };
    expectError(await errorOf(await fetch(`${postern.url}/nowhere`, init)), 404, "NOT_FOUND");
  });

  test("a path with a query is the path", async () => {
    const response = await postern.post(`${path}?x=1`, { email: "ada@example.com", password });
    expect(response.status).toBe(200);
  });
});

test("a whole account that is suspended is told so to its users, and to nobody else", async () => {
  const email = pool.take();
  await command(postern.dataDir, ["account", "suspend", account.id]);
  expectError(await postern.login({ email, password }), 400, "ACCOUNT_SUSPENDED");
  expectError(await postern.login({ email, password: "wrong password" }), 400, "INVALID_CREDENTIALS");
  await command(postern.dataDir, ["account", "resume", account.id]);
  expect((await postern.login({ email, password })).status).toBe(200);
});
