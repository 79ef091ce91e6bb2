import { describe, expect, test } from "bun:test";
import { type ClockStore, makeClockWatch } from "../../src/features/two-factor/clock-watch.ts";
import { makeLog } from "../../src/lib/log.ts";
import { type FakeClock, fakeClock } from "../support/fake-clock.ts";

const start = Date.UTC(2026, 0, 1, 12);
const minute = 60_000;
const hour = 60 * minute;

/** A watch on a clock that a test sets, over a store that the last run left at `noted`. */
function watchOn(clock: FakeClock, noted: number) {
  const state = { highest: noted, broken: false };
  const store: ClockStore = {
    async noteTime(now) {
      if (state.broken) throw new Error("disk full");
      const before = state.highest;
      state.highest = Math.max(before, now);
      return before;
    },
  };
  const logged: string[] = [];
  const log = makeLog({ level: "info", format: "json", clock, write: (entry) => logged.push(entry) });
  return {
    watch: makeClockWatch({ store, clock, log }),
    state,
    messages: () => logged.map((entry) => JSON.parse(entry).message),
  };
}

describe("at its start the watch", () => {
  test.each([
    [0, false],
    [29_000, false],
    [30_000, false],
    [30_001, true],
    [31_000, true],
  ])("finds a clock that is %i ms behind the last run: %p", async (back, expected) => {
    const { watch, messages } = watchOn(fakeClock(start), start + back);
    await watch.start();
    expect(watch.warning() !== undefined).toBe(expected);
    expect(messages()).toEqual(expected ? ["the clock went back"] : []);
  });

  test("says by how much, since when, and what helps", async () => {
    const { watch } = watchOn(fakeClock(start), start + 90_000);
    await watch.start();
    expect(watch.warning()).toBe(
      "The system's clock went back by 90 s: it was 2026-01-01T12:01:30.000Z before. Codes that were used since are refused until then; postern user unlock lets a user in.",
    );
  });

  test("never lowers what is noted", async () => {
    const { watch, state } = watchOn(fakeClock(start), start + hour);
    await watch.start();
    await watch.stop();
    expect(state.highest).toBe(start + hour);
  });
});

describe("while it runs the watch", () => {
  test.each([
    [-30_000, false],
    [-31_000, true],
    [-59 * minute, true],
    [5 * minute, false],
  ])("finds at the next hour that the clock was set by %i ms: %p", async (jump, expected) => {
    const clock = fakeClock(start);
    const { watch } = watchOn(clock, start);
    await watch.start();
    await clock.advance(59 * minute);
    clock.jump(jump);
    expect(watch.warning()).toBeUndefined();
    await clock.advance(minute - 1);
    expect(watch.warning()).toBeUndefined();
    await clock.advance(1);
    expect(watch.warning() !== undefined).toBe(expected);
  });

  test("warns until the time has come again that the clock would have shown at the hour", async () => {
    const clock = fakeClock(start);
    const { watch } = watchOn(clock, start);
    await watch.start();
    clock.jump(-2.5 * hour);
    for (const expected of [true, true, true, false]) {
      await clock.advance(hour);
      expect(watch.warning() !== undefined).toBe(expected);
    }
  });

  test("warns once in the log, and again after it was well", async () => {
    const clock = fakeClock(start);
    const { watch, messages } = watchOn(clock, start);
    await watch.start();
    for (let round = 0; round < 2; round += 1) {
      clock.jump(-3 * hour);
      await clock.advance(2 * hour);
      expect(watch.warning()).toBeDefined();
      await clock.advance(2 * hour);
      expect(watch.warning()).toBeUndefined();
    }
    expect(messages()).toEqual(["the clock went back", "the clock went back"]);
  });

  test("goes on looking after the time could not be noted once", async () => {
    const clock = fakeClock(start);
    const { watch, state, messages } = watchOn(clock, start);
    await watch.start();
    state.broken = true;
    await clock.advance(hour);
    expect(messages()).toEqual(["the time cannot be noted"]);
    state.broken = false;
    clock.jump(-10 * minute);
    await clock.advance(hour);
    expect(watch.warning()).toBeDefined();
  });

  test("stops with a last note, and keeps nothing alive", async () => {
    const clock = fakeClock(start);
    const { watch, state } = watchOn(clock, start);
    await watch.start();
    expect(clock.pending()).toBe(1);
    await clock.advance(10 * minute);
    await watch.stop();
    expect([clock.pending(), state.highest]).toEqual([0, start + 10 * minute]);
    await clock.advance(5 * hour);
    expect(state.highest).toBe(start + 10 * minute);
  });
});
