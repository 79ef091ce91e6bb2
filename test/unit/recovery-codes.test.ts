import { describe, expect, test } from "bun:test";
import { newRecoveryCodes } from "../../src/features/enrolment/recovery-codes.ts";
import { isUsableRecoveryCode, recoveryCodeHash } from "../../src/features/two-factor/verify.ts";
import { type Random, systemRandom } from "../../src/lib/random.ts";
import { makeSecrets } from "../../src/lib/secrets.ts";

const secrets = makeSecrets(new Uint8Array(32).fill(7), systemRandom);
const hashOf = (code: string, userId = "ada") =>
  Buffer.from(recoveryCodeHash(secrets, userId, code)).toString("hex");

/** Draws the bytes 0, 1, 2 … 255, 0 … in turn, and counts them. */
function countingRandom(): Random & { drawn(): number } {
  let drawn = 0;
  return {
    ...systemRandom,
    bytes: (length) =>
      Uint8Array.from({ length }, () => {
        drawn += 1;
        return (drawn - 1) % 256;
      }),
    drawn: () => drawn,
  };
}

describe("new recovery codes", () => {
  test("are ten, in six groups of four", () => {
    const codes = newRecoveryCodes(systemRandom);
    expect(codes).toHaveLength(10);
    for (const code of codes) expect(code).toMatch(/^[0-9a-z]{4}(-[0-9a-z]{4}){5}$/);
  });

  test("have 112 random bits or more each: a byte of randomness a character, of which every value gives as many of each", () => {
    const random = countingRandom();
    const characters = Array.from({ length: 32 }, () => newRecoveryCodes(random))
      .flat()
      .join("")
      .replaceAll("-", "");
    expect(random.drawn()).toBe(32 * 10 * 24);
    const counts = new Map<string, number>();
    for (const character of characters) counts.set(character, (counts.get(character) ?? 0) + 1);
    expect(counts.size).toBe(32);
    expect(new Set(counts.values())).toEqual(new Set([(32 * 10 * 24) / 32]));
    expect(24 * Math.log2(counts.size)).toBeGreaterThanOrEqual(112);
  });

  test("have no character that is taken for another", () => {
    const characters = newRecoveryCodes(countingRandom()).join("");
    for (const mistaken of ["i", "l", "o", "u"]) expect(characters).not.toContain(mistaken);
  });
});

describe("the hash of a recovery code", () => {
  test.each([
    "abcd-efgh-1234",
    "ABCD-EFGH-1234",
    "abcdefgh1234",
    "abcd efgh 1234",
    " abcd\t-\u00a0efgh \n1234 ",
    "abcd‐efgh–1234",
    "abcd—efgh−1234",
    "ａｂｃｄ-efgh-1234",
  ])("is the same for %j: case, spaces, dashes and width do not count", (typed) => {
    expect(hashOf(typed)).toBe(hashOf("abcd-efgh-1234"));
  });

  test.each(["abcd-efgh-1235", "abcd-efgh-123", "abcd_efgh_1234", "abcd.efgh.1234", ""])(
    "is another for %j",
    (typed) => {
      expect(hashOf(typed)).not.toBe(hashOf("abcd-efgh-1234"));
    },
  );

  test("has 256 bits, and is another for each user and each server", () => {
    expect(hashOf("abcd-efgh")).toHaveLength(64);
    expect(hashOf("abcd-efgh", "bob")).not.toBe(hashOf("abcd-efgh"));
    const elsewhere = makeSecrets(new Uint8Array(32).fill(8), systemRandom);
    expect(Buffer.from(recoveryCodeHash(elsewhere, "ada", "abcd-efgh")).toString("hex")).not.toBe(
      hashOf("abcd-efgh"),
    );
  });

  test("does not take a part of the user's id for a part of the code", () => {
    expect(hashOf("1abcdefgh", "ada")).not.toBe(hashOf("abcdefgh", "ada1"));
  });
});

test("a code from elsewhere is one with six characters or more that count", () => {
  expect(["abcdef", "ab-cd-ef"].map(isUsableRecoveryCode)).toEqual([true, true]);
  expect(["abcde", "------", "a b c d e", ""].map(isUsableRecoveryCode)).toEqual([
    false,
    false,
    false,
    false,
  ]);
});
