import { describe, expect, test } from "bun:test";
import { readRefreshToken, writeRefreshToken } from "../../src/features/sessions/refresh-token.ts";
import { systemRandom } from "../../src/lib/random.ts";
import { makeSecrets } from "../../src/lib/secrets.ts";

const secrets = makeSecrets(systemRandom.bytes(32), systemRandom);
const named = { sessionId: "0198c0de-7a5b-7000-8000-5f6c1d2e3a4b", generation: 7 };
const token = writeRefreshToken(secrets, named);

/** The token with one bit of its bytes turned over. */
function tampered(bit: number): string {
  const bytes = Buffer.from(token.slice(4), "base64url");
  bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return `ptr_${bytes.toString("base64url")}`;
}

describe("a refresh token", () => {
  test("names a session and its generation", () => {
    expect(token).toMatch(/^ptr_[A-Za-z0-9_-]{70}$/);
    expect(readRefreshToken(secrets, token)).toEqual(named);
  });

  test.each([1, 0xffff_ffff])("holds generation %i", (generation) => {
    expect(readRefreshToken(secrets, writeRefreshToken(secrets, { ...named, generation }))?.generation).toBe(
      generation,
    );
  });

  test("is one and the same for one generation, so that it can be told again", () => {
    expect(writeRefreshToken(secrets, named)).toBe(token);
    expect(writeRefreshToken(secrets, { ...named, generation: 8 })).not.toBe(token);
  });

  test("is refused with any of its bits turned over", () => {
    const bits = (token.length - 4) * 6;
    for (let bit = 0; bit < Math.floor(bits / 8) * 8; bit += 1) {
      expect(readRefreshToken(secrets, tampered(bit))).toBeUndefined();
    }
  });

  test("of another server is refused", () => {
    const others = makeSecrets(systemRandom.bytes(32), systemRandom);
    expect(readRefreshToken(secrets, writeRefreshToken(others, named))).toBeUndefined();
  });

  test.each([
    ["nothing", ""],
    ["its prefix alone", "ptr_"],
    ["without its prefix", token.slice(4)],
    ["with another prefix", `ptp_${token.slice(4)}`],
    ["cut short", token.slice(0, -1)],
    ["with more behind it", `${token}A`],
    ["with a space behind it", `${token} `],
    ["padded", `${token}=`],
    ["in the other base64 alphabet", `ptr_${Buffer.from(token.slice(4), "base64url").toString("base64")}`],
    ["twice", token + token],
  ])("%s is refused", (_, text) => {
    expect(readRefreshToken(secrets, text)).toBeUndefined();
  });
});
