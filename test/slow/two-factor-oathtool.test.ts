import { beforeAll, expect, test } from "bun:test";
import { ensureDebian } from "../../scripts/support/ensure.ts";
import { logIn, outcomeOf } from "../support/logged-in.ts";
import { type StartedInProcess, startInProcess } from "../support/postern.ts";
import { seededFolder, user, userPool } from "../support/seed.ts";
import { stoppedClock } from "../support/stopped-clock.ts";
import { authenticatorCode, totpSecret } from "../support/totp.ts";
import { beginEnrolment, loginOutcome, stepMs } from "../support/two-factor.ts";

// Codes of a second implementation, which shares nothing with ours.

const clock = stoppedClock();
const pool = userPool("oath", 3);

let postern: StartedInProcess;

beforeAll(async () => {
  await ensureDebian({ oathtool: "oathtool" });
  const dataDir = await seededFolder(pool.names.map((name) => user(name)));
  postern = await startInProcess({ dataDir, clock, settings: { POSTERN_ACCESS_TOKEN_TTL: "1h" } });
});

/** What oathtool shows at a time. The secret goes by standard input, as it should. */
async function oathtool(secret: string, time: number): Promise<string> {
  const at = new Date(time).toISOString().replace("T", " ").replace(/\..*/, " UTC");
  const child = Bun.spawn(["oathtool", "--totp", "--base32", `--now=${at}`, "-"], {
    stdin: new Blob([secret]),
    stderr: "inherit",
  });
  const [code, said] = await Promise.all([child.exited, new Response(child.stdout).text()]);
  if (code !== 0) throw new Error(`oathtool ended with ${code}`);
  return said.trim();
}

test("oathtool's codes are RFC 6238's, and those of the tests' own authenticator", async () => {
  expect(await oathtool(totpSecret, 59_000)).toBe("287082");
  for (const time of [0, 1_111_111_109_000, 2_000_000_000_000, clock.now()]) {
    expect(await oathtool(totpSecret, time)).toBe(authenticatorCode(totpSecret, time));
  }
});

test("oathtool confirms a secret, and its codes log in", async () => {
  const mine = await logIn(postern, pool.take());
  const secret = await beginEnrolment(postern, mine.accessToken);
  const twoFactorCode = await oathtool(secret, clock.now());
  expect(await outcomeOf(await mine.call("PATCH", "/v3/me", { twoFactorEnabled: true, twoFactorCode }))).toBe(
    "200",
  );
  for (let login = 0; login < 20; login += 1) {
    clock.move(3 * stepMs);
    expect(
      await loginOutcome(postern, mine.email, { twoFactorCode: await oathtool(secret, clock.now()) }),
    ).toBe("200");
  }
});

test("oathtool's codes of the steps beside the present one log in, and those beyond do not", async () => {
  const mine = await logIn(postern, pool.take());
  const secret = await beginEnrolment(postern, mine.accessToken);
  await mine.call("PATCH", "/v3/me", {
    twoFactorEnabled: true,
    twoFactorCode: await oathtool(secret, clock.now()),
  });
  clock.move(10 * stepMs);
  for (const [steps, expected] of [
    [-2, "INVALID_TWO_FACTOR_CODE"],
    [2, "INVALID_TWO_FACTOR_CODE"],
    [-1, "200"],
    [0, "200"],
    [1, "200"],
  ] as const) {
    expect(
      await loginOutcome(postern, mine.email, {
        twoFactorCode: await oathtool(secret, clock.now() + steps * stepMs),
      }),
    ).toBe(expected);
  }
});
