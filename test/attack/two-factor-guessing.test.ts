import { beforeAll, describe, expect, test } from "bun:test";
import { type StartedInProcess, startInProcess } from "../support/postern.ts";
import { account, password, seededFolder, user, userPool } from "../support/seed.ts";
import { stoppedClock } from "../support/stopped-clock.ts";
import { authenticatorCode, totpSecret } from "../support/totp.ts";
import { stepMs } from "../support/two-factor.ts";

// What docs/security.md says of the chance to guess a code: these are its numbers.

const day = 24 * 60 * 60_000;
const clock = stoppedClock();
const pool = userPool("guessed", 6);

let postern: StartedInProcess;

beforeAll(async () => {
  const dataDir = await seededFolder(
    pool.names.map((name) => user(name, { twoFactorSecret: totpSecret, recoveryCodes: ["abcd-efgh"] })),
  );
  postern = await startInProcess({ dataDir, clock });
});

/** Six digits that are no code now: what nearly all guesses are. */
function wrongCode(): string {
  const good = [-1, 0, 1].map((steps) => authenticatorCode(totpSecret, clock.now() + steps * stepMs));
  return ["000000", "111111", "222222", "333333"].find((code) => !good.includes(code)) ?? "";
}

/** Guesses for `duration` ms as fast as the lock lets somebody who has the password. Says how many codes were looked at. */
async function guess(email: string, duration: number): Promise<number> {
  const end = clock.now() + duration;
  let verified = 0;
  while (clock.now() < end) {
    const { headers, body } = await postern.login({
      accountId: account.id,
      email,
      password,
      twoFactorCode: wrongCode(),
    });
    if (body["code"] === "INVALID_TWO_FACTOR_CODE") verified += 1;
    else {
      expect(body["code"]).toBe("LOGIN_TEMPORARILY_LOCKED");
      clock.move(Number(headers.get("retry-after")) * 1_000);
    }
  }
  return verified;
}

const ownerLogsIn = async (email: string): Promise<void> => {
  const own = authenticatorCode(totpSecret, clock.now() + stepMs);
  expect((await postern.login({ accountId: account.id, email, password, twoFactorCode: own })).status).toBe(
    200,
  );
};

describe("somebody who has the password and guesses codes", () => {
  test("gets 45 looked at within a day", async () => {
    expect(await guess(pool.take(), day)).toBe(45);
  });

  test("gets 100 looked at ever, while the owner does not log in", async () => {
    expect(await guess(pool.take(), 60 * day)).toBe(100);
  });

  test.each([
    [2, 80],
    [10, 250],
    [24, 480],
  ])(
    "gets more where the owner logs in %i times a day, which begins the count anew: %i",
    async (times, expected) => {
      const email = pool.take();
      let verified = 0;
      for (let part = 0; part < times; part += 1) {
        const end = clock.now() + day / times;
        verified += await guess(email, day / times - 1);
        // The guesser's last lock may be longer than the part: the owner waits for its end, and the guesses go no faster by that.
        clock.move(Math.max(0, end - clock.now()));
        await ownerLogsIn(email);
      }
      expect(verified).toBe(expected);
    },
  );

  test("may guess recovery codes no faster", async () => {
    const email = pool.take();
    let verified = 0;
    const end = clock.now() + day;
    while (clock.now() < end) {
      const { headers, body } = await postern.login({
        accountId: account.id,
        email,
        password,
        twoFactorRecoveryCode: "wrong-code",
      });
      if (body["code"] === "INVALID_TWO_FACTOR_RECOVERY_CODE") verified += 1;
      else clock.move(Number(headers.get("retry-after")) * 1_000);
    }
    expect(verified).toBe(45);
  });
});
