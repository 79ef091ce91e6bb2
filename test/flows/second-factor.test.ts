import { beforeAll, describe, expect, test } from "bun:test";
import { rowsOf } from "../support/database.ts";
import { type StartedInProcess, startInProcess } from "../support/postern.ts";
import { account, command, password, seededFolder, user, userPool } from "../support/seed.ts";
import { stoppedClock } from "../support/stopped-clock.ts";
import { authenticatorCode, totpSecret } from "../support/totp.ts";

const step = 30_000;
const clock = stoppedClock();
const pool = userPool("guarded", 20);
const recoveryCodes = ["ABCD-efgh 1234", "second-code", "third-code"];

let postern: StartedInProcess;

beforeAll(async () => {
  const guarded = (name: string) => user(name, { twoFactorSecret: totpSecret, recoveryCodes });
  const dataDir = await seededFolder([
    ...pool.names.map(guarded),
    { ...guarded("away"), status: "suspended" },
    user("plain"),
    user("auditor", { role: "admin", roles: ["admin", "user"] }),
  ]);
  postern = await startInProcess({ dataDir, clock });
});

const codeAt = (steps: number) => authenticatorCode(totpSecret, clock.now() + steps * step);

async function attempt(email: string, fields: Record<string, unknown>): Promise<unknown> {
  const { status, body } = await postern.login({ email, password, ...fields });
  return status === 200 ? 200 : body["code"];
}

/** How many of twenty equal logins at once were answered how. */
async function twentyAtOnce(email: string, fields: Record<string, unknown>): Promise<Record<string, number>> {
  const outcomes = await Promise.all(Array.from({ length: 20 }, () => attempt(email, fields)));
  const counts: Record<string, number> = {};
  for (const outcome of outcomes) counts[String(outcome)] = (counts[String(outcome)] ?? 0) + 1;
  return counts;
}

describe("a code of the authenticator app", () => {
  test.each([
    [-2, "INVALID_TWO_FACTOR_CODE"],
    [-1, 200],
    [0, 200],
    [1, 200],
    [2, "INVALID_TWO_FACTOR_CODE"],
  ])("of %i steps from now: %p", async (steps, expected) => {
    expect(await attempt(pool.take(), { twoFactorCode: codeAt(steps) })).toBe(expected);
  });

  test("is accepted once", async () => {
    const email = pool.take();
    expect(await attempt(email, { twoFactorCode: codeAt(0) })).toBe(200);
    expect(await attempt(email, { twoFactorCode: codeAt(0) })).toBe("INVALID_TWO_FACTOR_CODE");
    clock.move(step);
    expect(await attempt(email, { twoFactorCode: codeAt(-1) })).toBe("INVALID_TWO_FACTOR_CODE");
    expect(await attempt(email, { twoFactorCode: codeAt(0) })).toBe(200);
  });

  test("sent twenty times at once is accepted once", async () => {
    const counts = await twentyAtOnce(pool.take(), { twoFactorCode: codeAt(0) });
    expect(counts["200"]).toBe(1);
    // The success clears the count, wherever among them it falls: four failures at most before it, and five after it.
    expect(counts["INVALID_TWO_FACTOR_CODE"]).toBeLessThanOrEqual(9);
  });

  test("is refused after one of a later step", async () => {
    const email = pool.take();
    expect(await attempt(email, { twoFactorCode: codeAt(1) })).toBe(200);
    expect(await attempt(email, { twoFactorCode: codeAt(0) })).toBe("INVALID_TWO_FACTOR_CODE");
    expect(await attempt(email, { twoFactorCode: codeAt(-1) })).toBe("INVALID_TWO_FACTOR_CODE");
    clock.move(2 * step);
    expect(await attempt(email, { twoFactorCode: codeAt(0) })).toBe(200);
  });

  test("is not spent by a wrong password", async () => {
    const email = pool.take();
    const twoFactorCode = codeAt(0);
    expect(await attempt(email, { password: "wrong password", twoFactorCode })).toBe("INVALID_CREDENTIALS");
    expect(await attempt(email, { twoFactorCode })).toBe(200);
  });

  test("of one user is another's only where they share a secret: each spends its own", async () => {
    const twoFactorCode = codeAt(0);
    expect(await attempt(pool.take(), { twoFactorCode })).toBe(200);
    expect(await attempt(pool.take(), { twoFactorCode })).toBe(200);
  });

  test.each(["", null, undefined])("that is %p is missing, and asked for", async (twoFactorCode) => {
    expect(await attempt("guarded-0@example.com", { twoFactorCode })).toBe("MISSING_TWO_FACTOR_CODE");
  });
});

describe("a recovery code", () => {
  test("is accepted once, and leaves the others", async () => {
    const email = pool.take();
    const [first, second] = recoveryCodes;
    expect(await attempt(email, { twoFactorRecoveryCode: first })).toBe(200);
    expect(await attempt(email, { twoFactorRecoveryCode: first })).toBe("INVALID_TWO_FACTOR_RECOVERY_CODE");
    expect(await attempt(email, { twoFactorRecoveryCode: second })).toBe(200);
  });

  test.each([
    "abcdefgh1234",
    "ABCDEFGH1234",
    "ab-cd-ef-gh-12-34",
    " abcd efgh 1234 ",
    "abcd\u2010efgh\u20131234",
  ])("is accepted as %j: case, spaces and dashes do not matter", async (twoFactorRecoveryCode) => {
    expect(await attempt(pool.take(), { twoFactorRecoveryCode })).toBe(200);
  });

  test("sent twenty times at once is accepted once", async () => {
    const counts = await twentyAtOnce(pool.take(), { twoFactorRecoveryCode: "second-code" });
    expect(counts["200"]).toBe(1);
  });

  test("is not spent by a wrong password", async () => {
    const email = pool.take();
    const wrong = { password: "wrong password", twoFactorRecoveryCode: "second-code" };
    expect(await attempt(email, wrong)).toBe("INVALID_CREDENTIALS");
    expect(await attempt(email, { twoFactorRecoveryCode: "second-code" })).toBe(200);
  });

  test("that is nothing but spaces is no code", async () => {
    expect(await attempt("guarded-0@example.com", { twoFactorRecoveryCode: " - " })).toBe(
      "INVALID_TWO_FACTOR_RECOVERY_CODE",
    );
  });
});

describe("a suspended user", () => {
  const away = "away@example.com";

  test("is told so after password and code alone, and neither code is spent by it", async () => {
    expect(await attempt(away, {})).toBe("MISSING_TWO_FACTOR_CODE");
    expect(await attempt(away, { twoFactorCode: "abcdef" })).toBe("INVALID_TWO_FACTOR_CODE");
    expect(await attempt(away, { password: "wrong password" })).toBe("INVALID_CREDENTIALS");
    const [twoFactorCode, twoFactorRecoveryCode] = [codeAt(0), "second-code"];
    expect(await attempt(away, { twoFactorCode })).toBe("USER_SUSPENDED");
    expect(await attempt(away, { twoFactorRecoveryCode })).toBe("USER_SUSPENDED");
    await command(postern.dataDir, ["user", "resume", "--account", account.id, "--email", away]);
    expect(await attempt(away, { twoFactorCode })).toBe(200);
    expect(await attempt(away, { twoFactorRecoveryCode })).toBe(200);
  });
});

describe("an account that demands two-factor authentication", () => {
  const demand = (...of: string[]) =>
    command(postern.dataDir, ["account", "require-two-factor", account.alias, ...of]);

  test("lets nobody in without it, and gives a ticket to enrol that is no access token", async () => {
    await demand("all");
    const sessions = () => rowsOf(postern.dataDir, "SELECT id FROM sessions").length;
    const before = sessions();
    const { status, headers, body } = await postern.login({ email: "plain@example.com", password });
    expect([status, body["code"]]).toEqual([400, "TWO_FACTOR_ENROLMENT_REQUIRED"]);
    expect(Object.keys(body).sort()).toEqual(["code", "enrolmentToken", "message"]);
    expect(headers.get("cache-control")).toBe("no-store");
    expect(sessions()).toBe(before);
    const ticket = String(body["enrolmentToken"]);
    const [header = "", claims = ""] = ticket.split(".");
    expect(JSON.parse(Buffer.from(header, "base64url").toString())).toMatchObject({ alg: "HS256" });
    const { iss, aud, exp } = JSON.parse(Buffer.from(claims, "base64url").toString());
    expect([iss, aud]).toEqual([postern.url, "postern:enrolment"]);
    expect(exp).toBe(Math.floor(clock.now() / 1_000) + 15 * 60);
    const me = await postern.get("/v3/me", { authorization: `Bearer ${ticket}` });
    expect(me.status).toBe(401);
    const refreshed = await postern.post("/v3/accounts/refresh", { refreshToken: ticket });
    expect(refreshed.status).toBe(400);
  });

  test("says so after a right password alone", async () => {
    expect(await attempt("plain@example.com", { password: "wrong password" })).toBe("INVALID_CREDENTIALS");
  });

  test("lets those in who have it", async () => {
    const email = pool.take();
    expect(await attempt(email, {})).toBe("MISSING_TWO_FACTOR_CODE");
    expect(await attempt(email, { twoFactorCode: codeAt(0) })).toBe(200);
  });

  test("may demand it of some roles, the further ones included", async () => {
    await demand("admin");
    expect(await attempt("plain@example.com", {})).toBe(200);
    expect(await attempt("auditor@example.com", {})).toBe("TWO_FACTOR_ENROLMENT_REQUIRED");
    await demand("user");
    expect(await attempt("auditor@example.com", {})).toBe("TWO_FACTOR_ENROLMENT_REQUIRED");
    await demand("none");
    expect(await attempt("auditor@example.com", {})).toBe(200);
  });
});
