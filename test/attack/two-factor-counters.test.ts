import { beforeAll, expect, test } from "bun:test";
import { damage, rowsOf } from "../support/database.ts";
import { outcomeOf } from "../support/logged-in.ts";
import { type StartedInProcess, startInProcess } from "../support/postern.ts";
import { password, seededFolder, user, userPool } from "../support/seed.ts";
import { stoppedClock } from "../support/stopped-clock.ts";
import { authenticatorCode } from "../support/totp.ts";
import { beginEnrolment, enrol, loginOutcome, recoveryCodesOf } from "../support/two-factor.ts";

const clock = stoppedClock();
const pool = userPool("counted", 6);

let postern: StartedInProcess;

beforeAll(async () => {
  const dataDir = await seededFolder(pool.names.map((name) => user(name)));
  postern = await startInProcess({ dataDir, clock, settings: { POSTERN_ACCESS_TOKEN_TTL: "1h" } });
});

const wrongCode = { twoFactorEnabled: false, twoFactorCode: "000000" };

test("a new e-mail address is no way to fresh tries: five wrong codes lock, whatever the address was meanwhile", async () => {
  const mine = await enrol(postern, clock, pool.take());
  const outcomes: string[] = [];
  for (let tries = 0; tries < 8; tries += 1) {
    outcomes.push(await outcomeOf(await mine.call("PATCH", "/v3/me", wrongCode)));
    await mine.call("PATCH", "/v3/me", { email: `moved-${tries}@example.com`, password });
  }
  expect(outcomes.filter((outcome) => outcome === "400 INVALID_TWO_FACTOR_CODE")).toHaveLength(5);
  expect(outcomes.at(-1)).toBe("429 LOGIN_TEMPORARILY_LOCKED");
  const left = rowsOf<{ count: number }>(postern.dataDir, "SELECT count(*) AS count FROM login_failures");
  expect(left).toEqual([{ count: 1 }]);
});

/** As after a hundred wrong codes in a row, long enough ago for every lock to be over. */
const stopCodes = () =>
  damage(postern.dataDir, "UPDATE login_failures SET second_factor = 100, locked_until = 0");

test("a recovery code that proves somebody lifts the stop after a hundred wrong codes", async () => {
  const mine = await enrol(postern, clock, pool.take());
  const [first] = await recoveryCodesOf(mine);
  await mine.call("PATCH", "/v3/me", wrongCode);
  stopCodes();
  expect(await loginOutcome(postern, mine.email, { twoFactorCode: mine.code(1) })).toBe(
    "LOGIN_TEMPORARILY_LOCKED",
  );
  clock.move(16 * 60_000);
  const proof = { password, twoFactorRecoveryCode: first };
  expect(await outcomeOf(await mine.call("POST", "/v3/me/2fa-secret", proof))).toBe("200");
  expect(await loginOutcome(postern, mine.email, { twoFactorCode: mine.code() })).toBe("200");
});

test("turning the second factor off lifts the stop, so that another can be turned on", async () => {
  const mine = await enrol(postern, clock, pool.take());
  const [code] = await recoveryCodesOf(mine);
  await mine.call("PATCH", "/v3/me", wrongCode);
  stopCodes();
  const off = { twoFactorEnabled: false, twoFactorRecoveryCode: code };
  expect(await outcomeOf(await mine.call("PATCH", "/v3/me", off))).toBe("200");
  const secret = await beginEnrolment(postern, mine.accessToken);
  const on = { twoFactorEnabled: true, twoFactorCode: authenticatorCode(secret, clock.now()) };
  expect(await outcomeOf(await mine.call("PATCH", "/v3/me", on))).toBe("200");
});
