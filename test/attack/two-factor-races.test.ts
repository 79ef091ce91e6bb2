import { beforeAll, describe, expect, test } from "bun:test";
import { rowsOf } from "../support/database.ts";
import { call, logIn, outcomeOf } from "../support/logged-in.ts";
import { type StartedInProcess, startInProcess } from "../support/postern.ts";
import { account, password, seededFolder, user, userPool } from "../support/seed.ts";
import { stoppedClock } from "../support/stopped-clock.ts";
import { authenticatorCode } from "../support/totp.ts";
import {
  beginEnrolment,
  type Enrolled,
  enrol,
  loginOutcome,
  recoveryCodesOf,
} from "../support/two-factor.ts";

const clock = stoppedClock();
const pool = userPool("racer", 20);

let postern: StartedInProcess;

beforeAll(async () => {
  const dataDir = await seededFolder(pool.names.map((name) => user(name)));
  postern = await startInProcess({ dataDir, clock, settings: { POSTERN_ACCESS_TOKEN_TTL: "1h" } });
});

/** How often each outcome came of fifty equal requests that are sent at once. */
async function fiftyAtOnce(attempt: () => Promise<string>): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const outcome of await Promise.all(Array.from({ length: 50 }, attempt)))
    counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}

const sessionsOf = (userId: string) =>
  rowsOf(postern.dataDir, "SELECT id FROM sessions WHERE user_id = ?", userId).length;

/** Another session of the same user. */
async function recoveryLogin({ email, ...who }: Enrolled): Promise<string> {
  const [twoFactorRecoveryCode] = await recoveryCodesOf({ email, ...who });
  const { body } = await postern.login({ accountId: account.id, email, password, twoFactorRecoveryCode });
  return String(body["accessToken"]);
}

describe("of fifty logins at once", () => {
  test("with one code, one is let in: the others are refused by the code or by the lock", async () => {
    const mine = await enrol(postern, clock, pool.take());
    const before = sessionsOf(mine.userId);
    const twoFactorCode = mine.code(1);
    const {
      "200": good,
      INVALID_TWO_FACTOR_CODE: wrong = 0,
      LOGIN_TEMPORARILY_LOCKED: locked = 0,
      ...rest
    } = await fiftyAtOnce(() => loginOutcome(postern, mine.email, { twoFactorCode }));
    expect([good, wrong + locked, rest]).toEqual([1, 49, {}]);
    expect(sessionsOf(mine.userId)).toBe(before + 1);
  });

  test("with one recovery code, one is let in, and one notice of it is sent", async () => {
    const mine = await enrol(postern, clock, pool.take());
    const [twoFactorRecoveryCode] = await recoveryCodesOf(mine);
    const before = sessionsOf(mine.userId);
    const {
      "200": good,
      INVALID_TWO_FACTOR_RECOVERY_CODE: wrong = 0,
      LOGIN_TEMPORARILY_LOCKED: locked = 0,
      ...rest
    } = await fiftyAtOnce(() => loginOutcome(postern, mine.email, { twoFactorRecoveryCode }));
    expect([good, wrong + locked, rest]).toEqual([1, 49, {}]);
    expect(sessionsOf(mine.userId)).toBe(before + 1);
    expect(
      rowsOf(postern.dataDir, "SELECT 1 FROM recovery_codes WHERE user_id = ?", mine.userId),
    ).toHaveLength(9);
  });
});

describe("of fifty requests at once", () => {
  test("that confirm one secret, one does, with one notice", async () => {
    const mine = await logIn(postern, pool.take());
    const secret = await beginEnrolment(postern, mine.accessToken);
    const twoFactorCode = authenticatorCode(secret, clock.now());
    const counts = await fiftyAtOnce(async () =>
      outcomeOf(await mine.call("PATCH", "/v3/me", { twoFactorEnabled: true, twoFactorCode })),
    );
    expect(counts["200"]).toBe(1);
    const enabled = rowsOf(
      postern.dataDir,
      "SELECT 1 FROM audit_log WHERE target_id = ? AND action = 'two-factor.enabled'",
      mine.userId,
    );
    expect(enabled).toHaveLength(1);
  });

  test("that prove themselves with one code, one spends it: the session is recent by that, and the login needs the next", async () => {
    const mine = await enrol(postern, clock, pool.take());
    const stale: string[] = [];
    for (let session = 0; session < 4; session += 1) stale.push(await recoveryLogin(mine));
    clock.move(16 * 60_000);
    const proof = { password, twoFactorCode: mine.code() };
    const outcomes = await Promise.all(
      stale.map(async (token) =>
        outcomeOf(await call(postern, "POST", "/v3/me/2fa-secret", { token, body: proof })),
      ),
    );
    expect(outcomes.filter((outcome) => outcome === "200")).toHaveLength(1);
    expect(await loginOutcome(postern, mine.email, { twoFactorCode: mine.code() })).not.toBe("200");
  });
});
