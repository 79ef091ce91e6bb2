import { describe, expect, test } from "bun:test";
import { formatDuration, parseDuration } from "../../src/lib/duration.ts";

describe("a duration", () => {
  test.each([
    ["0s", 0],
    ["30s", 30_000],
    ["15m", 900_000],
    ["24h", 86_400_000],
    ["90d", 7_776_000_000],
    ["007s", 7_000],
  ])("%s is %i ms", (text, duration) => {
    expect(parseDuration(text)).toBe(duration);
  });

  test.each([
    "",
    "s",
    "30",
    "1.5h",
    "-1s",
    "+1s",
    "1 s",
    "1S",
    "1h30m",
    "1w",
    "1ms",
    "1e3s",
    "٣s",
    "1s\n",
    "1234567890s",
  ])("is not %j", (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });

  test.each([
    [0, "0s"],
    [30_000, "30s"],
    [90_000, "90s"],
    [900_000, "15m"],
    [86_400_000, "1d"],
    [90_000_000, "25h"],
  ])("of %i ms is written %s", (duration, text) => {
    expect(formatDuration(duration)).toBe(text);
    expect(parseDuration(text)).toBe(duration);
  });
});
