import { beforeAll, describe, expect, test } from "bun:test";
import { rowsOf } from "../support/database.ts";
import { logIn, outcomeOf } from "../support/logged-in.ts";
import { type StartedInProcess, startInProcess } from "../support/postern.ts";
import { password, seededFolder, user, userPool } from "../support/seed.ts";
import { stoppedClock } from "../support/stopped-clock.ts";
import {
  answerOf,
  beginEnrolment,
  type Enrolled,
  enrol,
  loginOutcome,
  recoveryCodesOf,
  stepMs,
} from "../support/two-factor.ts";

const minute = 60_000;
const clock = stoppedClock();
const pool = userPool("leaver", 40);

let postern: StartedInProcess;

beforeAll(async () => {
  const dataDir = await seededFolder(pool.names.map((name) => user(name)));
  postern = await startInProcess({ dataDir, clock, settings: { POSTERN_ACCESS_TOKEN_TTL: "1h" } });
});

const fresh = () => enrol(postern, clock, pool.take());
const turnOff = async (who: Enrolled, fields: object = {}) =>
  outcomeOf(await who.call("PATCH", "/v3/me", { twoFactorEnabled: false, ...fields }));
const stateOf = async (who: Pick<Enrolled, "call">) => answerOf(await who.call("GET", "/v3/me/2fa"));
const audited = (userId: string) =>
  rowsOf<{ action: string; details: string }>(
    postern.dataDir,
    "SELECT action, details FROM audit_log WHERE target_id = ? AND action LIKE 'two-factor.%' ORDER BY rowid",
    userId,
  ).map(({ action, details }) => [action, JSON.parse(details)]);

describe("turning two-factor authentication off", () => {
  test("takes a code that was not used yet", async () => {
    const mine = await fresh();
    expect(await turnOff(mine, { twoFactorCode: mine.code() })).toBe("400 INVALID_TWO_FACTOR_CODE");
    expect(await turnOff(mine, { twoFactorCode: mine.code(1) })).toBe("200");
    expect(await loginOutcome(postern, mine.email)).toBe("200");
    expect(await answerOf(await mine.call("GET", "/v3/me"))).toMatchObject({ twoFactorEnabled: false });
  });

  test("takes a recovery code, which is told of", async () => {
    const mine = await fresh();
    const [twoFactorRecoveryCode] = await recoveryCodesOf(mine);
    expect(await turnOff(mine, { twoFactorRecoveryCode: "wrong-code" })).toBe(
      "400 INVALID_TWO_FACTOR_RECOVERY_CODE",
    );
    expect(await turnOff(mine, { twoFactorRecoveryCode })).toBe("200");
    expect(audited(mine.userId)).toEqual([
      ["two-factor.enabled", {}],
      ["two-factor.recovery-codes-replaced", {}],
      ["two-factor.recovery-code-used", { left: 9 }],
      ["two-factor.disabled", {}],
    ]);
  });

  test("does not do without a code, however recent the login", async () => {
    const mine = await fresh();
    for (const fields of [
      {},
      { twoFactorCode: null },
      { twoFactorCode: "", twoFactorRecoveryCode: "" },
      { password },
    ]) {
      expect(await turnOff(mine, fields)).toBe("400 MISSING_TWO_FACTOR_CODE");
    }
    expect(await loginOutcome(postern, mine.email)).toBe("MISSING_TWO_FACTOR_CODE");
  });

  test("takes the one code that proved the login anew, where that is not recent", async () => {
    const mine = await fresh();
    clock.move(16 * minute);
    expect(await turnOff(mine, { twoFactorCode: mine.code() })).toBe("403 REAUTHENTICATION_REQUIRED");
    expect(await turnOff(mine, { password })).toBe("400 MISSING_TWO_FACTOR_CODE");
    expect(await turnOff(mine, { password, twoFactorCode: mine.code() })).toBe("200");
    expect(await stateOf(mine)).toEqual({ enabled: false, enabledAt: null, recoveryCodesLeft: 0 });
  });

  test("counts wrong codes: five lock, the right one too, and the login as well", async () => {
    const mine = await fresh();
    for (let failure = 0; failure < 5; failure += 1) {
      expect(await turnOff(mine, { twoFactorCode: "abcdef" })).toBe("400 INVALID_TWO_FACTOR_CODE");
    }
    expect(await turnOff(mine, { twoFactorCode: mine.code(1) })).toBe("429 LOGIN_TEMPORARILY_LOCKED");
    expect(await loginOutcome(postern, mine.email, { twoFactorCode: mine.code(1) })).toBe(
      "LOGIN_TEMPORARILY_LOCKED",
    );
    clock.move(5 * minute);
    expect(await turnOff(mine, { twoFactorCode: mine.code() })).toBe("200");
  });

  test("forgets secret and recovery codes: neither works once it is on again", async () => {
    const mine = await fresh();
    const [twoFactorRecoveryCode] = await recoveryCodesOf(mine);
    await turnOff(mine, { twoFactorCode: mine.code(1) });
    const again = await enrol(postern, clock, mine.email);
    clock.move(2 * stepMs);
    expect(await loginOutcome(postern, mine.email, { twoFactorCode: mine.code() })).toBe(
      "INVALID_TWO_FACTOR_CODE",
    );
    expect(await loginOutcome(postern, mine.email, { twoFactorRecoveryCode })).toBe(
      "INVALID_TWO_FACTOR_RECOVERY_CODE",
    );
    expect(await loginOutcome(postern, mine.email, { twoFactorCode: again.code() })).toBe("200");
    expect((await stateOf(again))["recoveryCodesLeft"]).toBe(0);
  });

  test("also forgets a secret that waits", async () => {
    const mine = await fresh();
    await beginEnrolment(postern, mine.accessToken);
    await turnOff(mine, { twoFactorCode: mine.code(1) });
    expect(
      rowsOf(postern.dataDir, "SELECT 1 FROM pending_two_factor WHERE user_id = ?", mine.userId),
    ).toEqual([]);
  });

  test("does nothing, and asks for nothing, where it is off", async () => {
    const mine = await logIn(postern, pool.take());
    clock.move(16 * minute);
    expect(await outcomeOf(await mine.call("PATCH", "/v3/me", { twoFactorEnabled: false }))).toBe("200");
    expect(audited(mine.userId)).toEqual([]);
  });
});

describe("recovery codes", () => {
  test("are ten, each of 120 bits, in groups for reading, and none is like another", async () => {
    const mine = await fresh();
    const response = await mine.call("POST", "/v3/me/2fa-recovery-codes");
    expect(response.headers.get("cache-control")).toBe("no-store");
    const answer = await answerOf(response);
    expect(Object.keys(answer)).toEqual(["recoveryCodes"]);
    const codes = Array.isArray(answer["recoveryCodes"]) ? answer["recoveryCodes"].map(String) : [];
    expect(new Set(codes).size).toBe(10);
    for (const code of codes) expect(code).toMatch(/^([0-9a-hjkmnp-tv-z]{4}-){5}[0-9a-hjkmnp-tv-z]{4}$/);
  });

  test.each([
    ["as shown", (code: string) => code],
    ["in capitals", (code: string) => code.toUpperCase()],
    ["without dashes", (code: string) => code.replaceAll("-", "")],
    ["with spaces for dashes, and around", (code: string) => ` ${code.replaceAll("-", " ")} `],
    ["with the dashes of a word processor", (code: string) => code.replaceAll("-", "–")],
  ])("log in %s, once", async (_, typed) => {
    const mine = await fresh();
    const [code = "", next = ""] = await recoveryCodesOf(mine);
    expect(await loginOutcome(postern, mine.email, { twoFactorRecoveryCode: typed(code) })).toBe("200");
    expect(await loginOutcome(postern, mine.email, { twoFactorRecoveryCode: code })).toBe(
      "INVALID_TWO_FACTOR_RECOVERY_CODE",
    );
    expect(await loginOutcome(postern, mine.email, { twoFactorRecoveryCode: next })).toBe("200");
  });

  test("replace the former ones", async () => {
    const mine = await fresh();
    const [former] = await recoveryCodesOf(mine);
    const [present] = await recoveryCodesOf(mine);
    expect(await loginOutcome(postern, mine.email, { twoFactorRecoveryCode: former })).toBe(
      "INVALID_TWO_FACTOR_RECOVERY_CODE",
    );
    expect(await loginOutcome(postern, mine.email, { twoFactorRecoveryCode: present })).toBe("200");
    expect((await stateOf(mine))["recoveryCodesLeft"]).toBe(9);
  });

  test("are kept as hashes of 32 bytes and nothing else", async () => {
    const mine = await fresh();
    await recoveryCodesOf(mine);
    const rows = rowsOf<Record<string, unknown>>(
      postern.dataDir,
      "SELECT * FROM recovery_codes WHERE user_id = ?",
      mine.userId,
    );
    expect(rows).toHaveLength(10);
    for (const { code_hash: hash, ...rest } of rows) {
      expect(hash).toBeInstanceOf(Uint8Array);
      expect(hash).toHaveLength(32);
      expect(Object.keys(rest).sort()).toEqual(["created_at", "user_id"]);
    }
  });

  test("are for those who have something to recover", async () => {
    const mine = await logIn(postern, pool.take());
    expect(await outcomeOf(await mine.call("POST", "/v3/me/2fa-recovery-codes"))).toBe("400 INVALID_REQUEST");
  });
});

describe("GET /v3/me/2fa", () => {
  test("says whether it is on, since when, and how many recovery codes are left", async () => {
    const plain = await logIn(postern, pool.take());
    expect(await stateOf(plain)).toEqual({ enabled: false, enabledAt: null, recoveryCodesLeft: 0 });
    const mine = await fresh();
    const enabledAt = new Date(clock.now()).toISOString();
    expect(await stateOf(mine)).toEqual({ enabled: true, enabledAt, recoveryCodesLeft: 0 });
    const [twoFactorRecoveryCode] = await recoveryCodesOf(mine);
    clock.move(minute);
    expect(await stateOf(mine)).toEqual({ enabled: true, enabledAt, recoveryCodesLeft: 10 });
    await loginOutcome(postern, mine.email, { twoFactorRecoveryCode });
    expect(await stateOf(mine)).toEqual({ enabled: true, enabledAt, recoveryCodesLeft: 9 });
  });

  test("needs no recent login", async () => {
    const mine = await fresh();
    clock.move(30 * minute);
    const response = await mine.call("GET", "/v3/me/2fa");
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect((await answerOf(response))["enabled"]).toBe(true);
  });

  test("speaks of the second factor in force, not of a secret that waits", async () => {
    const mine = await logIn(postern, pool.take());
    await beginEnrolment(postern, mine.accessToken);
    expect((await stateOf(mine))["enabled"]).toBe(false);
  });
});

describe("logins with codes", () => {
  test("that a session spent elsewhere are refused: a code counts once wherever it is used", async () => {
    const mine = await fresh();
    clock.move(16 * minute);
    const proof = { password, twoFactorCode: mine.code() };
    expect(await outcomeOf(await mine.call("POST", "/v3/me/2fa-recovery-codes", proof))).toBe("200");
    expect(await loginOutcome(postern, mine.email, { twoFactorCode: mine.code() })).toBe(
      "INVALID_TWO_FACTOR_CODE",
    );
    expect(await loginOutcome(postern, mine.email, { twoFactorCode: mine.code(1) })).toBe("200");
    clock.move(2 * stepMs);
    const twoFactorCode = mine.code();
    expect(await loginOutcome(postern, mine.email, { twoFactorCode })).toBe("200");
    expect(await turnOff(mine, { twoFactorCode })).toBe("400 INVALID_TWO_FACTOR_CODE");
  });
});
