import { expect, test } from "bun:test";
import { nextAttempt, readRetryAfter } from "../../src/outbox/schedule.ts";
import { standardSchedule } from "../support/standard-schedule.ts";

const second = 1_000;
const hour = 3_600_000;
const now = Date.UTC(2026, 0, 1, 12);

test("the standard schedule is ten attempts, whose waits are those of Standard Webhooks", () => {
  const minutes = standardSchedule.map((wait) => wait / 60_000);
  expect(minutes).toEqual([0, 5 / 60, 5, 30, 120, 300, 600, 840, 1_200, 1_440]);
});

test("each attempt but the last is followed by the next step, up to a fifth sooner or later", () => {
  for (let attempt = 1; attempt < standardSchedule.length; attempt += 1) {
    const wait = standardSchedule[attempt] ?? 0;
    expect(nextAttempt(standardSchedule, attempt, now, 0)).toBe(now + 0.8 * wait);
    expect(nextAttempt(standardSchedule, attempt, now, 0.5)).toBe(now + wait);
    expect(nextAttempt(standardSchedule, attempt, now, 0.999_999_999)).toBe(now + 1.2 * wait);
  }
});

test("after the last attempt of a schedule there is none", () => {
  expect(nextAttempt(standardSchedule, 9, now, 0.5)).toBe(now + 24 * hour);
  expect(nextAttempt(standardSchedule, 10, now, 0.5)).toBeUndefined();
  expect(nextAttempt([0], 1, now, 0.5)).toBeUndefined();
  expect(nextAttempt([0, second], 2, now, 0.5, hour)).toBeUndefined();
});

test("a receiver's Retry-After lengthens a wait, never shortens it, and is honoured up to 24 h", () => {
  expect(nextAttempt(standardSchedule, 1, now, 0.5, 60 * second)).toBe(now + 60 * second);
  expect(nextAttempt(standardSchedule, 5, now, 0.5, 60 * second)).toBe(now + 5 * hour);
  expect(nextAttempt(standardSchedule, 1, now, 0.5, 24 * hour)).toBe(now + 24 * hour);
  expect(nextAttempt(standardSchedule, 1, now, 0.5, 24 * hour + 1)).toBe(now + 24 * hour);
  expect(nextAttempt(standardSchedule, 1, now, 0.5, 400 * hour)).toBe(now + 24 * hour);
});

test("Retry-After is read as seconds, or as an HTTP date, and is bounded by 24 h", () => {
  const cases: [string | null, number | undefined][] = [
    ["0", 0],
    ["120", 120 * second],
    [" 120 ", 120 * second],
    ["86400", 24 * hour],
    ["86401", 24 * hour],
    ["99999999999999999999", 24 * hour],
    ["Thu, 01 Jan 2026 12:02:00 GMT", 120 * second],
    ["Thursday, 01-Jan-26 12:02:00 GMT", 120 * second],
    ["Thu, 01 Jan 2026 11:00:00 GMT", 0],
    ["Sat, 01 Jan 2028 12:00:00 GMT", 24 * hour],
    [null, undefined],
    ["", undefined],
    ["soon", undefined],
    ["-5", undefined],
    ["1.5", undefined],
    ["2026-01-01T12:02:00Z", undefined],
    ["Thu, 99 Foo 2026 12:02:00 GMT", undefined],
  ];
  for (const [header, wait] of cases) expect(readRetryAfter(header, now)).toBe(wait);
});
