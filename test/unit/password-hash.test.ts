import { describe, expect, test } from "bun:test";
import { needsRehash, parsePasswordHash } from "../../src/lib/password-hash.ts";

const digest = "c2FsdHNhbHRzYWx0c2FsdA$7ysdRmj6p4GIXqC++b4yGGeynDEd9iL2M5EXt4KAk+s";
const argon2 = (parameters: string, variant = "argon2id") => `$${variant}$v=19$${parameters}$${digest}`;
const bcrypt = (cost: string, letter = "b") =>
  `$2${letter}$${cost}$lmGNfB4Z0UfIsVNEHQo2F.f96VcYoflaQp7fol0eZ7iLUryroOujm`;

describe("a stored hash", () => {
  test.each(["argon2id", "argon2i", "argon2d"] as const)("may be %s", (variant) => {
    expect(parsePasswordHash(argon2("m=65536,t=3,p=4", variant))).toEqual({
      kind: "argon2",
      variant,
      memoryKib: 65_536,
      iterations: 3,
      lanes: 4,
    });
  });

  test.each(["a", "b", "y"])("may be bcrypt $2%s", (letter) => {
    expect(parsePasswordHash(bcrypt("10", letter))).toEqual({ kind: "bcrypt", cost: 10 });
  });

  test.each([
    ["m=262144,t=1,p=1", "m=262145,t=1,p=1"],
    ["m=1024,t=10,p=1", "m=1024,t=11,p=1"],
    ["m=1024,t=1,p=1", "m=1024,t=0,p=1"],
    ["m=1024,t=1,p=16", "m=1024,t=1,p=17"],
    ["m=1024,t=1,p=1", "m=1024,t=1,p=0"],
    ["m=8,t=1,p=1", "m=7,t=1,p=1"],
    ["m=128,t=1,p=16", "m=127,t=1,p=16"],
  ])("with %s is taken, with %s it is not", (inside, outside) => {
    expect(parsePasswordHash(argon2(inside))).toBeDefined();
    expect(parsePasswordHash(argon2(outside))).toBeUndefined();
  });

  test.each([
    ["04", "03"],
    ["14", "15"],
  ])("with bcrypt's cost %s is taken, with %s it is not", (inside, outside) => {
    expect(parsePasswordHash(bcrypt(inside))).toBeDefined();
    expect(parsePasswordHash(bcrypt(outside))).toBeUndefined();
  });

  test.each([
    ["", "nothing"],
    ["garbage", "garbage"],
    ["5f4dcc3b5aa765d61d8327deb882cf99", "MD5"],
    ["$argon2id$v=16$m=1024,t=1,p=1$c2FsdHNhbHQ$PibvXN10i2TnBxCUWlfJcg", "an older version of Argon2"],
    [argon2("m=1024,t=1,p=1", "argon2x"), "an unknown variant"],
    [argon2("t=1,m=1024,p=1"), "parameters in another order"],
    [argon2("m=+1024,t=1,p=1"), "a signed number"],
    [`${argon2("m=1024,t=1,p=1")}\n`, "a line end"],
    [` ${bcrypt("10")}`, "a leading space"],
    [bcrypt("10", "x"), "bcrypt's broken variant"],
    [bcrypt("10").slice(0, -1), "a digest cut short"],
    ["$scrypt$ln=14,r=8,p=1$c2FsdA$aGFzaA", "scrypt"],
  ])("%j is refused: %s", (text) => {
    expect(parsePasswordHash(text)).toBeUndefined();
  });
});

describe("a right password's hash is made anew", () => {
  const wanted = { memoryKib: 19_456, iterations: 2 };

  test.each([
    [argon2("m=19456,t=2,p=1"), false],
    [argon2("m=19455,t=2,p=1"), true],
    [argon2("m=65536,t=2,p=1"), true],
    [argon2("m=19456,t=3,p=1"), true],
    [argon2("m=19456,t=2,p=2"), true],
    [argon2("m=19456,t=2,p=1", "argon2i"), true],
    [bcrypt("10"), true],
  ])("from %s: %p", (text, expected) => {
    expect(needsRehash(text, wanted)).toBe(expected);
  });
});
