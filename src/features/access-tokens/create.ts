import type { Clock } from "../../lib/clock.ts";
import { ApiError } from "../../lib/errors.ts";
import { newId } from "../../lib/ids.ts";
import { type Random, randomToken } from "../../lib/random.ts";
import { sha256Hex } from "../../lib/secrets.ts";
import { codePointLength } from "../../lib/text.ts";
import { type AuditEntry, noRequest } from "../audit/model.ts";
import type { User } from "../users/model.ts";
import { type AccessToken, accessTokenPrefix, defaultScopes, readScopes } from "./model.ts";
import type { AccessTokenStore } from "./store.ts";

export type AccessTokenDeps = { store: AccessTokenStore; clock: Clock; random: Random };

export type NewAccessTokenRequest = {
  user: User;
  name: string;
  /** `defaultScopes` if empty. */
  scopes: readonly string[];
  /** ms from now; null: never. */
  lifetime: number | null;
  actor: AuditEntry["actor"];
};

const mostOfName = 256;

/** ms. The shortest is long enough to be used at all; beyond ten years, say "never". */
const lifetimeBounds = { least: 60_000, most: 3_650 * 24 * 60 * 60_000 };

/**
 * Makes a personal access token: 256 random bits, returned this once and kept as a hash. Throws INVALID_REQUEST for a
 * bad name, scope or lifetime, CONFLICT when the user has too many.
 */
export async function createAccessToken(
  { store, clock, random }: AccessTokenDeps,
  { user, name, scopes, lifetime, actor }: NewAccessTokenRequest,
): Promise<{ accessToken: AccessToken; token: string }> {
  const length = codePointLength(name);
  if (length < 1 || length > mostOfName) {
    throw new ApiError("INVALID_REQUEST", `A token's name has 1 to ${mostOfName} characters.`);
  }
  if (lifetime !== null && (lifetime < lifetimeBounds.least || lifetime > lifetimeBounds.most)) {
    throw new ApiError("INVALID_REQUEST", "A token lives from 1m to 3650d, or never expires.");
  }
  const now = clock.now();
  const token = `${accessTokenPrefix}${randomToken(random)}`;
  const accessToken: AccessToken = {
    id: newId(random, now),
    accountId: user.accountId,
    userId: user.id,
    name,
    scopes: scopes.length === 0 ? defaultScopes : readScopes(scopes),
    createdAt: now,
    expiresAt: lifetime === null ? null : now + lifetime,
    lastUsedAt: null,
  };
  await store.createAccessToken(
    { ...accessToken, tokenHash: sha256Hex(token) },
    {
      id: newId(random, now),
      accountId: user.accountId,
      at: now,
      action: "access-token.created",
      actor,
      target: { kind: "access-token", id: accessToken.id },
      from: noRequest,
      details: { userId: user.id, scopes: accessToken.scopes.join(" ") },
    },
  );
  return { accessToken, token };
}
