import { describe, expect, test } from "bun:test";
import { type HealthState, healthAfter, newHealth } from "../../src/outbox/health.ts";

const minute = 60_000;
const hour = 60 * minute;
const start = Date.UTC(2026, 0, 1, 12);

const failure = (at: number, given: { gone?: boolean; probe?: boolean } = {}) =>
  ({ kind: "failed", at, error: "The receiver answered 500.", gone: false, probe: false, ...given }) as const;

/** `count` failures in a row, the first at `from`, the last at `to`. */
function failing(count: number, from: number, to: number): HealthState {
  let state = newHealth;
  for (let index = 0; index < count; index += 1) {
    const share = count === 1 ? 1 : index / (count - 1);
    state = healthAfter(state, failure(from + (to - from) * share));
  }
  return state;
}

describe("a webhook", () => {
  test("is unhealthy from its first failure on, with the reason, and healthy again after one success", () => {
    const unhealthy = healthAfter(newHealth, failure(start));
    expect(unhealthy).toEqual({
      ...newHealth,
      health: "unhealthy",
      healthReason: "The receiver answered 500.",
      failures: 1,
      failingSince: start,
    });
    expect(healthAfter(unhealthy, { kind: "delivered" })).toEqual(newHealth);
    expect(healthAfter(newHealth, { kind: "delivered" })).toEqual(newHealth);
  });

  test("is suspended by 50 failures in a row over an hour: not by 49, and not within less", () => {
    expect(failing(50, start, start + hour).health).toBe("suspended");
    expect(failing(49, start, start + hour).health).toBe("unhealthy");
    expect(failing(50, start, start + hour - 1).health).toBe("unhealthy");
    expect(failing(5_000, start, start + hour - 1).health).toBe("unhealthy");
    expect(healthAfter(failing(5_000, start, start + hour - 1), failure(start + hour)).health).toBe(
      "suspended",
    );
  });

  test("counts failures in a row: a success begins the count, and the hour, anew", () => {
    let state = failing(49, start, start + hour);
    state = healthAfter(state, { kind: "delivered" });
    state = healthAfter(state, failure(start + 2 * hour));
    expect(state).toMatchObject({ health: "unhealthy", failures: 1, failingSince: start + 2 * hour });
  });

  test("is suspended by nothing but failures for 120 h, however few", () => {
    const once = healthAfter(newHealth, failure(start));
    expect(healthAfter(once, failure(start + 120 * hour - 1)).health).toBe("unhealthy");
    const suspended = healthAfter(once, failure(start + 120 * hour));
    expect(suspended.health).toBe("suspended");
    expect(suspended.healthReason).toContain("for 120 hours");
  });

  test("is suspended by one 410 at once, and the reason says so", () => {
    const suspended = healthAfter(newHealth, failure(start, { gone: true }));
    expect(suspended).toMatchObject({
      health: "suspended",
      suspendedAt: start,
      probeAt: start + 5 * minute,
      probes: 0,
    });
    expect(suspended.healthReason).toContain("410 Gone");
  });
});

describe("a suspended webhook", () => {
  const suspended = healthAfter(newHealth, failure(start, { gone: true }));

  test("is probed after 5 min, then after twice as long each time, up to 4 h", () => {
    const waits: number[] = [];
    let state = suspended;
    let at = start;
    for (let probe = 0; probe < 9; probe += 1) {
      waits.push(((state.probeAt ?? 0) - at) / minute);
      at = state.probeAt ?? 0;
      state = healthAfter(state, failure(at, { probe: true }));
      expect(state.health).toBe("suspended");
    }
    expect(waits).toEqual([5, 10, 20, 40, 80, 160, 240, 240, 240]);
    expect(state.suspendedAt).toBe(start);
  });

  test("learns nothing from failures that were in flight when it was suspended", () => {
    expect(healthAfter(suspended, failure(start + minute))).toEqual({ ...suspended, failures: 2 });
  });

  test("is healthy after one success, and later begins as if nothing had been", () => {
    const resumed = healthAfter(suspended, { kind: "delivered" });
    expect(resumed).toEqual(newHealth);
    expect(healthAfter(resumed, failure(start + hour)).health).toBe("unhealthy");
  });
});
