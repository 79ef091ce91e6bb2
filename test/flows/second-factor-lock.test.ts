import { beforeAll, describe, expect, test } from "bun:test";
import { type StartedInProcess, startInProcess } from "../support/postern.ts";
import { account, command, password, seededFolder, user, userPool } from "../support/seed.ts";
import { type StoppedClock, stoppedClock } from "../support/stopped-clock.ts";
import { authenticatorCode, totpSecret } from "../support/totp.ts";

const minutes = 60;
const day = 24 * 60 * minutes;
const clock: StoppedClock = stoppedClock();
const pool = userPool("guarded", 6);

let postern: StartedInProcess;

beforeAll(async () => {
  const lines = pool.names.map((name) =>
    user(name, { twoFactorSecret: totpSecret, recoveryCodes: ["abcd-efgh"] }),
  );
  postern = await startInProcess({ dataDir: await seededFolder(lines), clock });
});

const rightCode = () => authenticatorCode(totpSecret, clock.now());

/** What a login was answered: `200`, the code of its refusal, or of a lock the seconds that are left. */
async function attempt(email: string, fields: Record<string, unknown>): Promise<unknown> {
  const { status, headers, body } = await postern.login({ email, password, ...fields });
  if (status === 200) return 200;
  return status === 429 ? Number(headers.get("retry-after")) : body["code"];
}

/** Tries wrong codes until they are locked; says for how many seconds, and waits for the end. */
async function fiveWrongCodes(email: string): Promise<unknown> {
  for (let failure = 0; failure < 5; failure += 1) {
    expect(await attempt(email, { twoFactorCode: "abcdef" })).toBe("INVALID_TWO_FACTOR_CODE");
  }
  const locked = await attempt(email, { twoFactorCode: rightCode() });
  clock.move(Number(locked) * 1_000);
  return locked;
}

async function locksUpTo(failures: number, email: string): Promise<unknown[]> {
  const locks: unknown[] = [];
  for (let made = 0; made < failures; made += 5) locks.push(await fiveWrongCodes(email));
  return locks;
}

describe("wrong codes", () => {
  test("lock for twice as long after each five, a day at most, and stop after a hundred until a recovery code is used", async () => {
    const email = pool.take();
    const growing = [5, 10, 20, 40, 80, 160, 320, 640, 1_280].map((length) => length * minutes);
    expect(await locksUpTo(100, email)).toEqual([...growing, ...Array(11).fill(day)]);
    clock.move(7 * day * 1_000);
    expect(await attempt(email, { twoFactorCode: rightCode() })).toBe(day);
    expect(await attempt(email, {})).toBe("MISSING_TWO_FACTOR_CODE");
    expect(await attempt(email, { password: "wrong password", twoFactorCode: rightCode() })).toBe(
      "INVALID_CREDENTIALS",
    );
    expect(await attempt(email, { twoFactorRecoveryCode: "abcd-efgh" })).toBe(200);
    expect(await attempt(email, { twoFactorCode: rightCode() })).toBe(200);
  });

  test("stopped after a hundred are let go on by an operator", async () => {
    const email = pool.take();
    await locksUpTo(100, email);
    expect(await attempt(email, { twoFactorCode: rightCode() })).toBe(day);
    await command(postern.dataDir, ["user", "unlock", "--account", account.alias, "--email", email]);
    expect(await attempt(email, { twoFactorCode: rightCode() })).toBe(200);
  });

  test("are counted on over wrong passwords and missing codes between them, and forgotten by a 200", async () => {
    const email = pool.take();
    expect(await locksUpTo(10, email)).toEqual([5 * minutes, 10 * minutes]);
    for (let failure = 0; failure < 4; failure += 1) {
      expect(await attempt(email, { password: "wrong password" })).toBe("INVALID_CREDENTIALS");
      expect(await attempt(email, {})).toBe("MISSING_TWO_FACTOR_CODE");
    }
    clock.move(5 * minutes * 1_000);
    expect(await fiveWrongCodes(email)).toBe(20 * minutes);
    expect(await attempt(email, { twoFactorCode: rightCode() })).toBe(200);
    expect(await fiveWrongCodes(email)).toBe(5 * minutes);
  });

  test("sent fifty times at once are verified five times, and the others find it locked", async () => {
    const email = pool.take();
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, () => attempt(email, { twoFactorCode: "abcdef" })),
    );
    expect(outcomes.filter((outcome) => outcome === "INVALID_TWO_FACTOR_CODE")).toHaveLength(5);
    expect(outcomes.filter((outcome) => outcome === 5 * minutes)).toHaveLength(45);
  });

  test("that are spread over days still count together", async () => {
    const email = pool.take();
    for (let failure = 0; failure < 5; failure += 1) {
      expect(await attempt(email, { twoFactorCode: "abcdef" })).toBe("INVALID_TWO_FACTOR_CODE");
      if (failure < 4) clock.move(day * 1_000);
    }
    expect(await attempt(email, { twoFactorCode: rightCode() })).toBe(5 * minutes);
  });
});

describe("wrong recovery codes", () => {
  test("count as wrong codes do", async () => {
    const email = pool.take();
    for (let failure = 0; failure < 5; failure += 1) {
      const tried = { twoFactorRecoveryCode: `wrong-${failure}` };
      expect(await attempt(email, tried)).toBe("INVALID_TWO_FACTOR_RECOVERY_CODE");
    }
    expect(await attempt(email, { twoFactorRecoveryCode: "abcd-efgh" })).toBe(5 * minutes);
    clock.move(5 * minutes * 1_000);
    expect(await fiveWrongCodes(email)).toBe(10 * minutes);
    expect(await attempt(email, { twoFactorRecoveryCode: "abcd-efgh" })).toBe(200);
  });
});
