import { describe, expect, test } from "bun:test";
import { hashPassword, makePasswordVerifier } from "../../src/lib/passwords.ts";
import { foreignHashes, longBcrypt, passwordOfForeignHashes } from "../support/foreign-hashes.ts";

const cheap = { memoryKib: 64, iterations: 1 };
const verifier = await makePasswordVerifier(cheap, "nobody's password");

describe("a password", () => {
  test.each(foreignHashes)("is verified against %s, and its hash is then outdated", async (hash) => {
    expect(await verifier.verify(passwordOfForeignHashes, hash)).toEqual({
      matches: true,
      unusable: false,
      outdated: true,
    });
    expect(await verifier.verify("password-onE", hash)).toEqual({
      matches: false,
      unusable: false,
      outdated: false,
    });
  });

  test("is verified against its own hash, which is up to date", async () => {
    const hash = await hashPassword("correct horse", cheap);
    expect(hash).toStartWith("$argon2id$v=19$m=64,t=1,p=1$");
    expect(await verifier.verify("correct horse", hash)).toEqual({
      matches: true,
      unusable: false,
      outdated: false,
    });
  });

  test("is the same however its accents were typed", async () => {
    const composed = "caf\u00e9-passw\u00f6rd";
    const decomposed = composed.normalize("NFD");
    expect(decomposed).not.toBe(composed);
    const [one, other] = [await hashPassword(composed, cheap), await hashPassword(decomposed, cheap)];
    expect((await verifier.verify(decomposed, one)).matches).toBe(true);
    expect((await verifier.verify(composed, other)).matches).toBe(true);
  });

  test.each([" password", "password ", "PASSWORD", "password\n", "password\0", "pass word"])(
    "is exact: %j is not the one without it",
    async (other) => {
      expect((await verifier.verify(other, await hashPassword("password", cheap))).matches).toBe(false);
    },
  );

  test("is compared to its end, beyond bcrypt's 72 bytes and up to its 256 characters", async () => {
    const long = "\u{1f511}".repeat(256);
    const hash = await hashPassword(long, cheap);
    expect((await verifier.verify(long, hash)).matches).toBe(true);
    expect((await verifier.verify(`${long.slice(0, -2)}\u{1f512}`, hash)).matches).toBe(false);
  });

  test("of more than 72 bytes is cut only for a bcrypt hash from elsewhere, which saw no more of it", async () => {
    expect((await verifier.verify(longBcrypt.password, longBcrypt.hash)).matches).toBe(true);
    expect((await verifier.verify(longBcrypt.password.slice(0, 71), longBcrypt.hash)).matches).toBe(false);
  });
});

describe("a hash that cannot be used", () => {
  const unusable = { matches: false, unusable: true, outdated: false };

  test.each(["", "garbage", "$scrypt$ln=14,r=8,p=1$c2FsdA$aGFzaA", "$argon2id$"])(
    "%j is told of and matches nothing",
    async (hash) => {
      expect(await verifier.verify("password", hash)).toEqual(unusable);
    },
  );

  test.each([
    [
      "4 GiB",
      "$argon2id$v=19$m=4194304,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$bMQEeu9zRTyjjBaluobdXbqdlG97xAH+4ZC4hItLZjg",
    ],
    [
      "a million passes",
      "$argon2id$v=19$m=64,t=1000000,p=1$c2FsdHNhbHRzYWx0c2FsdA$bMQEeu9zRTyjjBaluobdXbqdlG97xAH+4ZC4hItLZjg",
    ],
    ["bcrypt's cost 31", "$2b$31$lmGNfB4Z0UfIsVNEHQo2F.f96VcYoflaQp7fol0eZ7iLUryroOujm"],
  ])("since it asks for %s costs no more than any wrong password", async (_, hash) => {
    const durations: number[] = [];
    for (let sample = 0; sample < 5; sample += 1) {
      const begun = performance.now();
      expect(await verifier.verify("password", hash)).toEqual(unusable);
      durations.push(performance.now() - begun);
    }
    // Run as it asks, it would take seconds each time. The best of five: other programs share this machine.
    expect(Math.min(...durations)).toBeLessThan(5);
  });
});

test("a user without a password is verified against nobody's, at full cost", async () => {
  const dear = { memoryKib: 8_192, iterations: 2 };
  const strict = await makePasswordVerifier(dear, "nobody's password");
  const hash = await hashPassword("password", dear);
  const best = async (stored: string | null) => {
    const durations: number[] = [];
    for (let sample = 0; sample < 5; sample += 1) {
      const begun = performance.now();
      expect((await strict.verify("wrong password", stored)).matches).toBe(false);
      durations.push(performance.now() - begun);
    }
    return Math.min(...durations);
  };
  const [known, unknown] = [await best(hash), await best(null)];
  expect(unknown).toBeGreaterThan(known / 2);
  expect(unknown).toBeLessThan(known * 2);
});
