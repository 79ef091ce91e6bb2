import { describe, expect, test } from "bun:test";
import { version } from "../../package.json";
import { type FakeClock, fakeClock } from "../support/fake-clock.ts";
import { type StartedInProcess, startInProcess } from "../support/postern.ts";
import { account, command, seededFolder, user } from "../support/seed.ts";
import { stoppedClock } from "../support/stopped-clock.ts";
import { authenticatorCode, totpSecret } from "../support/totp.ts";
import { enrol, loginOutcome, stepMs } from "../support/two-factor.ts";

const minute = 60_000;
const hour = 60 * minute;
const start = Date.UTC(2026, 0, 1, 12);

const readiness = async (postern: StartedInProcess) => (await postern.get("/health/ready")).json();
const warned = (postern: StartedInProcess) =>
  postern.logged.filter((line) => line.includes("the clock went back"));
const well = { status: "ok", version };

/** A server that ran until `until`, then one on the same folder that starts when the clock shows `at`. */
async function startedAgain(until: number, at: number): Promise<StartedInProcess> {
  const first = await startInProcess({ clock: fakeClock(until) });
  await first.server.stop();
  return startInProcess({ dataDir: first.dataDir, clock: fakeClock(at) });
}

describe("a server that finds the clock behind where the last one left it", () => {
  test("by 29 s says nothing: time services do that", async () => {
    const postern = await startedAgain(start, start - 29_000);
    expect(await readiness(postern)).toEqual(well);
    expect(warned(postern)).toEqual([]);
  });

  test("by 31 s warns in the log and at /health/ready, which stays 200", async () => {
    const postern = await startedAgain(start, start - 31_000);
    const warning = expect.stringMatching(
      /^The system's clock went back by 31 s: .*2026-01-01T12:00:00.000Z.*postern user unlock/,
    );
    for (const path of ["/health/ready", "/health"]) {
      const response = await postern.get(path);
      expect([response.status, await response.json()]).toEqual([200, { ...well, warnings: [warning] }]);
    }
    expect(await (await postern.get("/health/live")).json()).toEqual(well);
    expect(warned(postern).map((line) => JSON.parse(line))).toMatchObject([
      { level: "warn", seconds: 31, highest: "2026-01-01T12:00:00.000Z" },
    ]);
  });

  test("counts from its last moment, not from its last look", async () => {
    const clock = fakeClock(start);
    const first = await startInProcess({ clock });
    await clock.advance(50 * minute);
    await first.server.stop();
    const second = await startInProcess({ dataDir: first.dataDir, clock: fakeClock(start + 49 * minute) });
    expect(warned(second)).toHaveLength(1);
  });
});

describe("a running server whose clock is set back", () => {
  const warnings = async (postern: StartedInProcess, clock: FakeClock, back: number) => {
    clock.jump(-back);
    expect(await readiness(postern)).toEqual(well);
    await clock.advance(hour);
    return warned(postern).length;
  };

  test.each([
    [29_000, 0],
    [40 * minute, 1],
  ])("by %i ms finds it within the hour: %i warnings", async (back, expected) => {
    const clock = fakeClock(start);
    const postern = await startInProcess({ clock });
    expect(await warnings(postern, clock, back)).toBe(expected);
  });
});

describe("a code that was spent", () => {
  test("stays spent when the clock is set back to before it, and works for nobody when its time comes again", async () => {
    const clock = stoppedClock();
    const postern = await startInProcess({ dataDir: await seededFolder([user("ada")]), clock });
    const mine = await enrol(postern, clock, "ada@example.com");
    clock.move(10 * stepMs);
    const twoFactorCode = mine.code();
    expect(await loginOutcome(postern, mine.email, { twoFactorCode })).toBe("200");
    clock.move(-11 * stepMs);
    expect(await loginOutcome(postern, mine.email, { twoFactorCode: mine.code() })).toBe(
      "INVALID_TWO_FACTOR_CODE",
    );
    clock.move(11 * stepMs);
    expect(await loginOutcome(postern, mine.email, { twoFactorCode })).toBe("INVALID_TWO_FACTOR_CODE");
    expect(await loginOutcome(postern, mine.email, { twoFactorCode: mine.code(1) })).toBe("200");
  });

  test("in the future keeps its user out after a jump ahead and back, until postern user unlock", async () => {
    const clock = stoppedClock();
    const postern = await startInProcess({ dataDir: await seededFolder([user("ada")]), clock });
    clock.move(24 * hour);
    const mine = await enrol(postern, clock, "ada@example.com");
    clock.move(-24 * hour);
    expect(await loginOutcome(postern, mine.email, { twoFactorCode: mine.code() })).toBe(
      "INVALID_TWO_FACTOR_CODE",
    );
    await command(postern.dataDir, ["user", "unlock", "--account", account.alias, "--email", mine.email]);
    // The command has the system's time, which may be a step ahead of the stopped one.
    clock.move(4 * stepMs);
    expect(await loginOutcome(postern, mine.email, { twoFactorCode: mine.code() })).toBe("200");
  });
});

test("RFC 6238's vectors log in, each at its time", async () => {
  const clock = fakeClock(59_000);
  const dataDir = await seededFolder([user("rfc", { twoFactorSecret: totpSecret })]);
  const postern = await startInProcess({ dataDir, clock });
  for (const [seconds, twoFactorCode] of [
    [59, "287082"],
    [1_111_111_109, "081804"],
    [1_111_111_111, "050471"],
    [1_234_567_890, "005924"],
    [2_000_000_000, "279037"],
    [20_000_000_000, "353130"],
  ] as const) {
    clock.jump(seconds * 1_000 - clock.now());
    expect(authenticatorCode(totpSecret, clock.now())).toBe(twoFactorCode);
    expect([seconds, await loginOutcome(postern, "rfc@example.com", { twoFactorCode })]).toEqual([
      seconds,
      "200",
    ]);
  }
});
