import { beforeAll, describe, expect, test } from "bun:test";
import { call, type LoggedIn, logIn, outcomeOf } from "../support/logged-in.ts";
import { type StartedInProcess, startInProcess } from "../support/postern.ts";
import { account, command, password, seededFolder, user, userPool } from "../support/seed.ts";
import { stoppedClock } from "../support/stopped-clock.ts";
import { partOf } from "../support/tokens.ts";
import { answerOf, type Enrolled, enrol, loginOutcome, recoveryCodesOf } from "../support/two-factor.ts";

const minute = 60_000;
const recent = 15 * minute;
const clock = stoppedClock();
const pool = userPool("prover", 60);

let postern: StartedInProcess;

beforeAll(async () => {
  const dataDir = await seededFolder(pool.names.map((name) => user(name)));
  postern = await startInProcess({ dataDir, clock, settings: { POSTERN_ACCESS_TOKEN_TTL: "1h" } });
});

const plain = () => logIn(postern, pool.take());
const enrolled = () => enrol(postern, clock, pool.take());
const stale = async <Who extends LoggedIn>(who: Promise<Who>): Promise<Who> => {
  const found = await who;
  clock.move(recent + 1);
  return found;
};
const addresses = userPool("fresh", 30);
const newEmail = () => addresses.take();

/** Calls that need a recent proof, and what each answers once it has one. */
const calls = {
  secret: async (who: LoggedIn, proof: object = {}) =>
    outcomeOf(await who.call("POST", "/v3/me/2fa-secret", proof)),
  codes: async (who: LoggedIn, proof: object = {}) =>
    outcomeOf(await who.call("POST", "/v3/me/2fa-recovery-codes", proof)),
  off: async (who: LoggedIn, proof: object = {}) =>
    outcomeOf(await who.call("PATCH", "/v3/me", { twoFactorEnabled: false, ...proof })),
  on: async (who: LoggedIn, proof: object = {}) =>
    outcomeOf(await who.call("PATCH", "/v3/me", { twoFactorEnabled: true, ...proof })),
};

describe("a recent proof is a login", () => {
  test.each([
    [recent, "200"],
    [recent + 1, "403 REAUTHENTICATION_REQUIRED"],
  ])("of %i ms ago: %p", async (age, expected) => {
    const mine = await plain();
    clock.move(age);
    expect(await calls.secret(mine)).toBe(expected);
  });

  test.each([
    [recent, "200"],
    [recent + 1, "403 REAUTHENTICATION_REQUIRED"],
  ])("or the turning on of the second factor, %i ms ago: %p", async (age, expected) => {
    const mine = await enrolled();
    clock.move(age);
    expect(await calls.codes(mine)).toBe(expected);
    expect(await calls.secret(mine)).toBe(expected);
  });

  test("with the second factor, where its user has one: a session from before it was turned on will not do", async () => {
    const email = pool.take();
    const before = await logIn(postern, email);
    const mine = await enrol(postern, clock, email);
    expect(await calls.codes(mine)).toBe("200");
    expect(await calls.codes(before)).toBe("403 REAUTHENTICATION_REQUIRED");
    expect(await calls.codes(before, { password, twoFactorCode: mine.code(1) })).toBe("200");
    expect(await calls.codes(before)).toBe("200");
  });

  test("with a code or a recovery code: both count", async () => {
    const mine = await stale(enrolled());
    const [twoFactorRecoveryCode] = await recoveryCodesOf(mine, { password, twoFactorCode: mine.code() });
    const { body } = await postern.login({
      accountId: account.id,
      email: mine.email,
      password,
      twoFactorRecoveryCode,
    });
    const token = String(body["accessToken"]);
    expect(await outcomeOf(await call(postern, "POST", "/v3/me/2fa-recovery-codes", { token }))).toBe("200");
  });

  test("and is not kept recent by refreshing", async () => {
    const mine = await stale(plain());
    const refreshed = await answerOf(
      await postern.post("/v3/accounts/refresh", { refreshToken: mine.refreshToken }),
    );
    const token = String(refreshed["accessToken"]);
    expect(partOf(token, 1)["sid"]).toBe(mine.sessionId);
    expect(await outcomeOf(await call(postern, "POST", "/v3/me/2fa-secret", { token }))).toBe(
      "403 REAUTHENTICATION_REQUIRED",
    );
  });

  test("nor by a clock that was set back", async () => {
    const mine = await plain();
    for (const [back, expected] of [
      [recent, "200"],
      [1, "403 REAUTHENTICATION_REQUIRED"],
    ] as const) {
      clock.move(-back);
      const body = { refreshToken: mine.refreshToken };
      const token = String((await answerOf(await postern.post("/v3/accounts/refresh", body)))["accessToken"]);
      expect(await outcomeOf(await call(postern, "POST", "/v3/me/2fa-secret", { token }))).toBe(expected);
    }
    clock.move(recent + 1);
  });
});

describe("each call that changes how somebody logs in asks for a recent proof", () => {
  test.each(["secret", "codes", "on", "off"] as const)("%s", async (name) => {
    const mine = await stale(enrolled());
    // With "on" goes a code, without which it would ask for nothing new.
    expect(await calls[name](mine, { twoFactorCode: mine.code() })).toBe("403 REAUTHENTICATION_REQUIRED");
  });
});

describe("the password, and the second factor, in the request", () => {
  test("make the session recent, for another 15 minutes", async () => {
    const mine = await stale(plain());
    expect(await calls.secret(mine, { password })).toBe("200");
    clock.move(recent);
    expect(await calls.secret(mine)).toBe("200");
    clock.move(1);
    expect(await calls.secret(mine)).toBe("403 REAUTHENTICATION_REQUIRED");
  });

  test("make no other session of the user recent", async () => {
    const email = pool.take();
    const other = await logIn(postern, email);
    const mine = await stale(logIn(postern, email));
    expect(await calls.secret(mine, { password })).toBe("200");
    expect(await calls.secret(other)).toBe("403 REAUTHENTICATION_REQUIRED");
  });

  test("are both needed of a user who has a second factor", async () => {
    const mine = await stale(enrolled());
    expect(await calls.codes(mine, { password })).toBe("400 MISSING_TWO_FACTOR_CODE");
    expect(await calls.codes(mine, { twoFactorCode: mine.code() })).toBe("403 REAUTHENTICATION_REQUIRED");
    expect(await calls.codes(mine, { password, twoFactorCode: "abcdef" })).toBe(
      "400 INVALID_TWO_FACTOR_CODE",
    );
    expect(await calls.codes(mine, { password: "wrong password", twoFactorCode: mine.code() })).toBe(
      "400 INVALID_CREDENTIALS",
    );
    expect(await calls.codes(mine)).toBe("403 REAUTHENTICATION_REQUIRED");
    expect(await calls.codes(mine, { password, twoFactorCode: mine.code() })).toBe("200");
    expect(await calls.codes(mine, {})).toBe("200");
  });

  test("spend the code, and the recovery code", async () => {
    const mine = await stale(enrolled());
    const [first = "", second = ""] = await recoveryCodesOf(mine, { password, twoFactorCode: mine.code() });
    clock.move(recent + 1);
    expect(await calls.secret(mine, { password, twoFactorRecoveryCode: first })).toBe("200");
    clock.move(recent + 1);
    expect(await calls.secret(mine, { password, twoFactorRecoveryCode: first })).toBe(
      "400 INVALID_TWO_FACTOR_RECOVERY_CODE",
    );
    expect(await loginOutcome(postern, mine.email, { twoFactorRecoveryCode: first })).toBe(
      "INVALID_TWO_FACTOR_RECOVERY_CODE",
    );
    expect(await loginOutcome(postern, mine.email, { twoFactorRecoveryCode: second })).toBe("200");
  });

  test("are not both at once the code of the old secret and of the new: a code that confirms proves nothing else", async () => {
    const mine = await stale(enrolled());
    expect(await calls.on(mine, { password, twoFactorCode: mine.code() })).toBe(
      "400 MISSING_TWO_FACTOR_CODE",
    );
  });

  test.each(["secret", "codes", "off"] as const)(
    "count in the lock of the login, tried at %s",
    async (name) => {
      const mine = await stale(enrolled());
      const wrong = { password: "wrong password", twoFactorCode: mine.code() };
      for (let failure = 0; failure < 3; failure += 1)
        expect(await calls[name](mine, wrong)).toBe("400 INVALID_CREDENTIALS");
      for (let failure = 0; failure < 2; failure += 1) {
        expect(await calls[name](mine, { password, twoFactorCode: "abcdef" })).toBe(
          "400 INVALID_TWO_FACTOR_CODE",
        );
      }
      const right = { password, twoFactorCode: mine.code() };
      expect(await calls[name](mine, right)).toBe("429 LOGIN_TEMPORARILY_LOCKED");
      expect(await loginOutcome(postern, mine.email, right)).toBe("LOGIN_TEMPORARILY_LOCKED");
      // Sessions go on through a lock, and what needs no proof with them.
      expect(await outcomeOf(await mine.call("GET", "/v3/me"))).toBe("200");
      clock.move(5 * minute);
      expect(await calls[name](mine, { password, twoFactorCode: mine.code() })).toBe("200");
    },
  );

  test.each([
    ["password", ""],
    ["password", "x".repeat(257)],
    ["twoFactorCode", "12345"],
    ["twoFactorCode", "1234567"],
    ["twoFactorRecoveryCode", "x".repeat(257)],
  ])("have bounds: %s %j", async (name, value) => {
    const mine = await stale(plain());
    expect(await calls.secret(mine, { [name]: value })).toBe("400 INVALID_REQUEST");
  });
});

describe("a new e-mail address", () => {
  const change = async (who: LoggedIn, fields: object) =>
    outcomeOf(await who.call("PATCH", "/v3/me", { email: newEmail(), ...fields }));

  test("needs the password, however recent the login, and that alone while it is", async () => {
    const mine = await enrolled();
    expect(await change(mine, {})).toBe("400 INVALID_REQUEST");
    expect(await change(mine, { twoFactorCode: mine.code(1) })).toBe("400 INVALID_REQUEST");
    expect(await change(mine, { password: "wrong password" })).toBe("400 INVALID_CREDENTIALS");
    expect(await change(mine, { password })).toBe("200");
  });

  test("needs the second factor as well where the login is not recent", async () => {
    const mine = await stale(enrolled());
    expect(await change(mine, { password })).toBe("400 MISSING_TWO_FACTOR_CODE");
    expect(await change(mine, { password, twoFactorCode: "abcdef" })).toBe("400 INVALID_TWO_FACTOR_CODE");
    expect(await change(mine, { password, twoFactorCode: mine.code() })).toBe("200");
  });

  test("needs it, too, in a session without the second factor", async () => {
    const email = pool.take();
    const before = await logIn(postern, email);
    const mine = await enrol(postern, clock, email);
    expect(await change(before, { password })).toBe("400 MISSING_TWO_FACTOR_CODE");
    expect(await change(before, { password, twoFactorCode: mine.code(1) })).toBe("200");
  });

  test("takes the second factor along", async () => {
    const mine = await enrolled();
    const email = newEmail();
    expect(await change(mine, { email, password })).toBe("200");
    expect(await loginOutcome(postern, email)).toBe("MISSING_TWO_FACTOR_CODE");
    expect(await loginOutcome(postern, email, { twoFactorCode: mine.code(1) })).toBe("200");
  });

  test("that is the old one needs nothing", async () => {
    const mine = await stale(enrolled());
    expect(await change(mine, { email: mine.email })).toBe("200");
  });
});

describe("a personal access token", () => {
  const tokenOf = async (who: Enrolled) => {
    const named = ["--account", account.id, "--user", who.email, "--name", "ci", "--json"];
    return String(JSON.parse(await command(postern.dataDir, ["token", "create", ...named]))["token"]);
  };

  test("does nothing of all that, whatever proof comes with it", async () => {
    const mine = await enrolled();
    const token = await tokenOf(mine);
    const proof = { password, twoFactorCode: mine.code(1) };
    for (const [method, path, body] of [
      ["POST", "/v3/me/2fa-secret", proof],
      ["POST", "/v3/me/2fa-recovery-codes", proof],
      ["GET", "/v3/me/2fa", undefined],
      ["PATCH", "/v3/me", { twoFactorEnabled: false, ...proof }],
      ["PATCH", "/v3/me", { twoFactorEnabled: true, ...proof }],
      ["PATCH", "/v3/me", { email: newEmail(), ...proof }],
    ] as const) {
      expect([path, await outcomeOf(await call(postern, method, path, { token, body }))]).toEqual([
        path,
        "403 FORBIDDEN",
      ]);
    }
    expect(await loginOutcome(postern, mine.email, { twoFactorCode: mine.code(1) })).toBe("200");
  });
});
