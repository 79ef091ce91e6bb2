import { generateKeyPairSync } from "node:crypto";
import { calculateJwkThumbprint } from "jose";
import { Type } from "typebox";
import { Value } from "typebox/value";
import type { Secrets } from "../../lib/secrets.ts";
import { importSigningKey, type SigningKey } from "./access-token.ts";
import type { SessionStore, StoredSigningKey } from "./store.ts";

const publicJwk = Type.Object({
  kty: Type.Literal("EC"),
  crv: Type.Literal("P-256"),
  x: Type.String(),
  y: Type.String(),
});

/** A public key as it is published (RFC 7517). */
export type PublishedKey = {
  kty: "EC";
  crv: "P-256";
  x: string;
  y: string;
  kid: string;
  alg: "ES256";
  use: "sig";
};

/** The signing keys that are in force, in memory. */
export type SigningKeys = {
  /** The key that signs at `now` (ms): the last that was made of those whose time has come. */
  current(now: number): SigningKey;
  /** The keys by which tokens are verified at `now`: all that are published. */
  verifying(now: number): ReadonlyMap<string, SigningKey>;
  /** The JSON Web Key Set (RFC 7517) at `now`. */
  jwks(now: number): { keys: PublishedKey[] };
  /** Reads the keys again, after another process changed them. */
  reload(): Promise<void>;
};

type LoadedKey = {
  key: SigningKey;
  published: PublishedKey;
  signsFrom: number;
  publishedUntil: number | null;
};

/**
 * Reads the keys of the database. Throws OperatorError when one cannot be decrypted, or when there is none that
 * signs.
 */
export async function loadSigningKeys(store: SessionStore, secrets: Secrets): Promise<SigningKeys> {
  let loaded: LoadedKey[] = [];
  let verifying: { until: number; keys: ReadonlyMap<string, SigningKey> } | undefined;

  const published = (now: number) =>
    loaded.filter(({ publishedUntil }) => publishedUntil === null || publishedUntil > now);

  async function reload(): Promise<void> {
    loaded = (await store.listSigningKeys()).map((stored) => load(stored, secrets));
    verifying = undefined;
  }

  await reload();
  return {
    reload,
    current(now) {
      const newest = published(now).findLast(({ signsFrom }) => signsFrom <= now) ?? published(now)[0];
      if (newest === undefined) throw new Error("the database has no signing key");
      return newest.key;
    },
    verifying(now) {
      if (verifying === undefined || now >= verifying.until) {
        const keys = published(now);
        const ends = keys.map(({ publishedUntil }) => publishedUntil ?? Number.POSITIVE_INFINITY);
        verifying = { until: Math.min(...ends), keys: new Map(keys.map(({ key }) => [key.kid, key])) };
      }
      return verifying.keys;
    },
    jwks: (now) => ({ keys: published(now).map((key) => key.published) }),
  };
}

/** What a signing key's private half is bound to when sealed. */
function keyBinding(kid: string): string {
  return `signing_keys.private_key:${kid}`;
}

/** A new ES256 key pair, ready to be stored. `signsFrom` in ms. */
export async function generateSigningKey(
  secrets: Secrets,
  now: number,
  signsFrom: number,
): Promise<StoredSigningKey> {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const jwk = Value.Parse(publicJwk, publicKey.export({ format: "jwk" }));
  const kid = await calculateJwkThumbprint(jwk);
  const pkcs8 = privateKey.export({ format: "der", type: "pkcs8" });
  return {
    id: kid,
    publicKey: JSON.stringify(jwk),
    privateKey: secrets.seal(pkcs8, keyBinding(kid)),
    createdAt: now,
    signsFrom,
    publishedUntil: null,
    longestTokenTtl: 0,
  };
}

function load(stored: StoredSigningKey, secrets: Secrets): LoadedKey {
  const { id: kid, publicKey, privateKey, signsFrom, publishedUntil } = stored;
  const jwk = Value.Parse(publicJwk, JSON.parse(publicKey));
  return {
    key: importSigningKey(kid, secrets.open(privateKey, keyBinding(kid))),
    published: { kty: jwk.kty, crv: jwk.crv, x: jwk.x, y: jwk.y, kid, alg: "ES256", use: "sig" },
    signsFrom,
    publishedUntil,
  };
}
