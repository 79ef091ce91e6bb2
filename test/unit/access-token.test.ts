import { describe, expect, test } from "bun:test";
import { generateKeyPairSync, sign } from "node:crypto";
import {
  type SigningKey,
  signAccessToken,
  verifyAccessToken,
} from "../../src/features/sessions/access-token.ts";
import { systemRandom } from "../../src/lib/random.ts";

const issuer = "https://login.example.com";
const now = Date.UTC(2026, 0, 1);
const ttl = 15 * 60_000;
const identity = { accountId: "account-1", userId: "user-1", sessionId: "session-1", role: "user" };

const key = newKey("key-1");
const keys = new Map([[key.kid, key]]);
const token = signAccessToken({ key, issuer, identity, now, ttl, random: systemRandom });

function newKey(kid: string): SigningKey {
  return { kid, ...generateKeyPairSync("ec", { namedCurve: "P-256" }) };
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
const decode = (part: string | undefined) => JSON.parse(Buffer.from(part ?? "", "base64url").toString());
const header = decode(token.split(".")[0]);
const claims = decode(token.split(".")[1]);

/** A token with some of header and claims replaced (undefined: left out), properly signed. */
function issued(changes: { header?: object; claims?: object; key?: SigningKey }): string {
  return signed(
    { ...header, ...changes.header },
    JSON.stringify({ ...claims, ...changes.claims }),
    changes.key,
  );
}

function signed(head: object, payload: string, { privateKey } = key): string {
  const text = `${encode(head)}.${Buffer.from(payload).toString("base64url")}`;
  const signature = sign("sha256", Buffer.from(text), { key: privateKey, dsaEncoding: "ieee-p1363" });
  return `${text}.${signature.toString("base64url")}`;
}

const verified = (text: string, at = now) => verifyAccessToken(text, { keys, issuer, now: at });

describe("an access token", () => {
  test("says who it speaks for, and until when", () => {
    expect(verified(token)).toEqual({ ...identity, scope: "all", expiresAt: now + ttl });
    expect(verified(issued({}))).toBeDefined();
  });

  test("is good for its time and half a minute, for clocks that differ", () => {
    expect(verified(token, now + ttl + 29_999)).toBeDefined();
    expect(verified(token, now + ttl + 30_000)).toBeUndefined();
  });

  test("from the future is refused, but for half a minute", () => {
    expect(verified(token, now - 30_000)).toBeDefined();
    expect(verified(token, now - 31_000)).toBeUndefined();
  });

  test.each([
    ["signed by a key that is not published", issued({ key: newKey("key-1") })],
    ["naming an unknown key", issued({ header: { kid: "key-2" } })],
    ["naming no key", issued({ header: { kid: undefined } })],
    ["of another type", issued({ header: { typ: "JWT" } })],
    ["without a type", issued({ header: { typ: undefined } })],
    ["of another algorithm", issued({ header: { alg: "ES384" } })],
    ["of no algorithm", issued({ header: { alg: "none" } })],
    ["of another issuer", issued({ claims: { iss: "https://evil.example" } })],
    ["without an issuer", issued({ claims: { iss: undefined } })],
    ["for another audience than its account", issued({ claims: { aud: "account-2" } })],
    ["for several audiences", issued({ claims: { aud: ["account-1", "account-2"] } })],
    ["without an audience", issued({ claims: { aud: undefined } })],
    ["without an account", issued({ claims: { account: undefined } })],
    ["without a user", issued({ claims: { sub: undefined } })],
    ["without a session", issued({ claims: { sid: undefined } })],
    ["without a time of issue", issued({ claims: { iat: undefined } })],
    ["without an end", issued({ claims: { exp: undefined } })],
    ["whose end is text", issued({ claims: { exp: String(claims.exp) } })],
    [
      "whose end is beyond all numbers",
      signed(header, JSON.stringify(claims).replace(/"exp":\d+/, '"exp":1e400')),
    ],
    ["whose claims are no object", signed(header, '"claims"')],
    ["whose claims are no JSON", signed(header, "claims")],
  ])("%s is refused", (_, text) => {
    expect(verified(text)).toBeUndefined();
  });

  test("is refused as soon as it is written in any other way", () => {
    const [head = "", payload = "", signature = ""] = token.split(".");
    const others = [
      "",
      ".",
      "..",
      `${head}.${payload}`,
      `${head}.${payload}.`,
      `${token}.`,
      `${token}.${signature}`,
      `${token}=`,
      ` ${token}`,
      token.slice(0, -1),
      `${head}.${payload}.${signature.slice(0, -2)}`,
      `${head}.${encode({ ...claims, role: "super-admin" })}.${signature}`,
      `${encode({ ...header, extra: 1 })}.${payload}.${signature}`,
      `${head}.${payload}.${encode("x").repeat(9)}`,
    ];
    for (const other of others) expect(verified(other)).toBeUndefined();
  });

  test("much longer than any of ours is not even decoded", () => {
    expect(verified(issued({ claims: { padding: "x".repeat(4_096) } }))).toBeUndefined();
  });
});
