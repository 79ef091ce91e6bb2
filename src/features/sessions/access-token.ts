import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { Type } from "typebox";
import { Value } from "typebox/value";
import type { Random } from "../../lib/random.ts";
import type { SessionIdentity } from "./model.ts";

/** A key pair in use: `kid` is its JWK thumbprint. */
export type SigningKey = { kid: string; privateKey: KeyObject; publicKey: KeyObject };

/** What an access token says (RFC 9068), once it was found genuine. */
export type AccessTokenClaims = SessionIdentity & { expiresAt: number; scope: string };

export type TokenIssue = {
  key: SigningKey;
  issuer: string;
  identity: SessionIdentity;
  now: number;
  /** ms until it expires. */
  ttl: number;
  random: Random;
};

/** The scope of a login: all that its user may do. */
const loginScope = "all";

/** Clocks of a server that was just moved or set may differ a little: 30 s. */
const clockSkewSeconds = 30;

/** Ours have about 700 characters: whatever is much longer is none, and is not decoded. */
const longestToken = 4_096;

/**
 * Makes an access token: a JWT signed with ES256. Synchronous, by node:crypto: 26 µs. WebCrypto, and so jose, would
 * wait in the thread pool behind password hashes (20 ms with one hash a core).
 */
export function signAccessToken({ key, issuer, identity, now, ttl, random }: TokenIssue): string {
  const issuedAt = Math.floor(now / 1_000);
  const header = encode({ alg: "ES256", typ: "at+jwt", kid: key.kid });
  const payload = encode({
    iss: issuer,
    sub: identity.userId,
    aud: identity.accountId,
    exp: issuedAt + Math.floor(ttl / 1_000),
    iat: issuedAt,
    jti: random.uuid(now),
    sid: identity.sessionId,
    account: identity.accountId,
    role: identity.role,
    scope: loginScope,
  });
  const signature = sign("sha256", Buffer.from(`${header}.${payload}`), {
    key: key.privateKey,
    dsaEncoding: "ieee-p1363",
  });
  return `${header}.${payload}.${signature.toString("base64url")}`;
}

const headerSchema = Type.Object({
  alg: Type.Literal("ES256"),
  typ: Type.Literal("at+jwt"),
  kid: Type.String(),
});

const claimsSchema = Type.Object({
  iss: Type.String(),
  sub: Type.String(),
  aud: Type.String(),
  exp: Type.Integer(),
  iat: Type.Integer(),
  sid: Type.String(),
  account: Type.String(),
  role: Type.String(),
  scope: Type.String(),
});

/**
 * The claims of a genuine access token of this issuer that has not expired at `now` (ms); undefined for anything
 * else. The algorithm and the type are ours, never the token's choice; each reject condition stands alone.
 */
export function verifyAccessToken(
  token: string,
  expected: { keys: ReadonlyMap<string, SigningKey>; issuer: string; now: number },
): AccessTokenClaims | undefined {
  if (token.length > longestToken) return undefined;
  const [header, payload, signature, ...rest] = token.split(".");
  if (header === undefined || payload === undefined || signature === undefined || rest.length > 0)
    return undefined;
  const head = decode(header);
  if (!Value.Check(headerSchema, head)) return undefined;
  const key = expected.keys.get(head.kid);
  if (key === undefined) return undefined;
  const signatureBytes = Buffer.from(signature, "base64url");
  if (signatureBytes.toString("base64url") !== signature) return undefined;
  const genuine = verify(
    "sha256",
    Buffer.from(`${header}.${payload}`),
    { key: key.publicKey, dsaEncoding: "ieee-p1363" },
    signatureBytes,
  );
  if (!genuine) return undefined;
  const claims = decode(payload);
  if (!Value.Check(claimsSchema, claims)) return undefined;
  const nowSeconds = expected.now / 1_000;
  if (claims.iss !== expected.issuer) return undefined;
  if (claims.aud !== claims.account) return undefined;
  if (claims.exp + clockSkewSeconds <= nowSeconds) return undefined;
  if (claims.iat - clockSkewSeconds > nowSeconds) return undefined;
  return {
    userId: claims.sub,
    accountId: claims.account,
    sessionId: claims.sid,
    role: claims.role,
    expiresAt: claims.exp * 1_000,
    scope: claims.scope,
  };
}

/** Reads a key pair from its PKCS #8 bytes. */
export function importSigningKey(kid: string, pkcs8: Uint8Array): SigningKey {
  const privateKey = createPrivateKey({ key: Buffer.from(pkcs8), format: "der", type: "pkcs8" });
  return { kid, privateKey, publicKey: createPublicKey(privateKey) };
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function decode(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, "base64url").toString());
  } catch {
    return undefined;
  }
}
