import { describe, expect, test } from "bun:test";
import { codeAt, parseTotpSecret, stepOfCode } from "../../src/lib/totp.ts";
import { authenticatorCode, totpSecret } from "../support/totp.ts";

const secret = new TextEncoder().encode("12345678901234567890");
const step = 30_000;

/** RFC 6238, appendix B: time in seconds, and the last six of its eight digits. */
const vectors: [number, string][] = [
  [59, "287082"],
  [1_111_111_109, "081804"],
  [1_111_111_111, "050471"],
  [1_234_567_890, "005924"],
  [2_000_000_000, "279037"],
  [20_000_000_000, "353130"],
];

describe("a code", () => {
  test.each(vectors)("at %i s is RFC 6238's %s", (seconds, code) => {
    const now = seconds * 1_000;
    expect(codeAt(secret, now)).toBe(code);
    expect(authenticatorCode(totpSecret, now)).toBe(code);
    expect(stepOfCode(secret, code, now)).toBe(Math.floor(seconds / 30));
  });

  test("is accepted one step early and late, and not two", () => {
    const now = Date.UTC(2026, 0, 1, 12, 0, 15);
    const present = Math.floor(now / step);
    const judged = (steps: number) =>
      stepOfCode(secret, authenticatorCode(totpSecret, now + steps * step), now);
    expect([-2, -1, 0, 1, 2].map(judged)).toEqual([undefined, present - 1, present, present + 1, undefined]);
  });

  test("belongs to its step from the first to the last millisecond", () => {
    const begin = Date.UTC(2026, 0, 1);
    const code = authenticatorCode(totpSecret, begin);
    expect(stepOfCode(secret, code, begin + 2 * step - 1)).toBe(begin / step);
    expect(stepOfCode(secret, code, begin + 2 * step)).toBeUndefined();
    expect(stepOfCode(secret, code, begin - step)).toBe(begin / step);
    expect(stepOfCode(secret, code, begin - step - 1)).toBeUndefined();
  });

  test.each(["28708", "2870822", "28708a", " 87082", "+87082", "2e5082", "२८७०८२", ""])(
    "is not %j",
    (code) => {
      expect(stepOfCode(secret, code, 59_000)).toBeUndefined();
    },
  );
});

describe("a secret", () => {
  test.each([
    totpSecret,
    totpSecret.toLowerCase(),
    "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ",
    `${totpSecret}====`,
  ])("is read from %s", (text) => {
    expect(Buffer.from(parseTotpSecret(text) ?? [])).toEqual(Buffer.from(secret));
  });

  test("has 80 bits or more", () => {
    expect(parseTotpSecret("A".repeat(16))).toHaveLength(10);
    expect(parseTotpSecret("A".repeat(15))).toBeUndefined();
  });

  test("has at most 256 characters", () => {
    expect(parseTotpSecret("A".repeat(256))).toHaveLength(160);
    expect(parseTotpSecret("A".repeat(257))).toBeUndefined();
  });

  test.each(["", "GEZDGNBVGY3TQOJ1", "GEZDGNBVGY3TQOJ-GEZD", "gezdgnbvgy3tqojé"])("is not %j", (text) => {
    expect(parseTotpSecret(text)).toBeUndefined();
  });
});
