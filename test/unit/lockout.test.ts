import { describe, expect, test } from "bun:test";
import {
  afterFailure,
  expiryOf,
  type FailureKind,
  type FailureRecord,
  lockRemaining,
  noFailures,
  secondFactorStopRemaining,
  triesLeft,
} from "../../src/features/login/lockout.ts";

const minute = 60_000;
const start = Date.UTC(2026, 0, 1);

/** The record after failures at these times, in minutes. */
function failuresAt(minutes: readonly number[], kind: FailureKind = "password"): FailureRecord {
  return minutes.reduce((record, at) => afterFailure(record, kind, start + at * minute), noFailures);
}

/** The record after so many failures of the second factor, each made as soon as the lock before it has ended. */
function secondFactorFailures(count: number) {
  let [record, now] = [noFailures, start];
  for (let made = 0; made < count; made += 1) {
    now = Math.max(now, record.lockedUntil);
    record = afterFailure(record, "second-factor", now);
  }
  return { record, now };
}

describe("the lock", () => {
  test("begins with the fifth failure and lasts five minutes from it", () => {
    expect(lockRemaining(failuresAt([0, 1, 2, 3]), start + 3 * minute)).toBe(0);
    const record = failuresAt([0, 1, 2, 3, 4]);
    expect(record.lockedUntil).toBe(start + 9 * minute);
    expect(lockRemaining(record, start + 9 * minute - 1)).toBe(1);
    expect(lockRemaining(record, start + 9 * minute)).toBe(0);
  });

  test("counts failures of less than five minutes ago", () => {
    const first = failuresAt([0, 1, 1, 1]);
    expect(lockRemaining(afterFailure(first, "password", start + 5 * minute - 1), start)).toBeGreaterThan(0);
    expect(afterFailure(first, "password", start + 5 * minute).lockedUntil).toBe(0);
  });

  test("leaves five new tries once it has ended", () => {
    const record = failuresAt([0, 0, 0, 0, 0]);
    expect(triesLeft(record, start + 5 * minute - 1)).toBe(0);
    expect(triesLeft(record, start + 5 * minute)).toBe(5);
  });

  test("takes passwords and second factors together", () => {
    let record = failuresAt([0, 0, 0]);
    record = afterFailure(record, "second-factor", start);
    expect(triesLeft(record, start)).toBe(1);
    record = afterFailure(record, "second-factor", start);
    expect(lockRemaining(record, start)).toBe(5 * minute);
  });

  test("does not forget failures that a clock set back puts in the future", () => {
    const record = failuresAt([60, 60, 60, 60]);
    expect(triesLeft(record, start)).toBe(1);
    expect(lockRemaining(afterFailure(record, "password", start), start)).toBe(5 * minute);
  });

  test("remembers no more than five times", () => {
    expect(failuresAt(Array.from({ length: 50 }, () => 0)).recent).toHaveLength(5);
  });
});

describe("tries that may run at once", () => {
  test.each([0, 1, 2, 3, 4])("are as many as are left after %i failures", (made) => {
    expect(triesLeft(failuresAt(Array.from({ length: made }, () => 0)), start)).toBe(5 - made);
  });

  test("are no more than may fail until the second factor's next lock", () => {
    const record: FailureRecord = { recent: [], secondFactor: 8, lockedUntil: 0 };
    expect(triesLeft(record, start)).toBe(2);
  });
});

describe("failures of the second factor", () => {
  test.each([
    [5, 5],
    [10, 10],
    [15, 20],
    [20, 40],
    [25, 80],
    [40, 640],
    [45, 1280],
    [50, 1440],
    [95, 1440],
  ])("lock after %i in a row for %i minutes", (failures, minutes) => {
    const { record, now } = secondFactorFailures(failures);
    expect(lockRemaining(record, now)).toBe(minutes * minute);
  });

  test("stop codes after a hundred in a row, and not before", () => {
    expect(secondFactorStopRemaining(secondFactorFailures(99).record)).toBe(0);
    expect(secondFactorStopRemaining(secondFactorFailures(100).record)).toBeGreaterThan(0);
    expect(secondFactorStopRemaining(secondFactorFailures(101).record)).toBeGreaterThan(0);
  });

  test("are not lengthened by wrong passwords between them", () => {
    let record = failuresAt([0, 0, 0, 0], "second-factor");
    record = afterFailure(record, "password", start + 10 * minute);
    expect(record.secondFactor).toBe(4);
    expect(lockRemaining(record, start + 10 * minute)).toBe(0);
  });
});

describe("a record of failures", () => {
  test("may be pruned when its lock or its last failure is over", () => {
    expect(expiryOf(failuresAt([0, 2]))).toBe(start + 7 * minute);
    expect(expiryOf(failuresAt([0, 1, 2, 3, 4]))).toBe(start + 9 * minute);
  });

  test("is kept while failures of the second factor are counted", () => {
    expect(expiryOf(failuresAt([0], "second-factor"))).toBeNull();
  });
});
