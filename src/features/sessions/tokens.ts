import type { SessionBound } from "../../http/guard.ts";
import type { Clock } from "../../lib/clock.ts";
import { apiError } from "../../lib/errors.ts";
import { newEventId, newId } from "../../lib/ids.ts";
import type { Random } from "../../lib/random.ts";
import type { Secrets } from "../../lib/secrets.ts";
import type { RequestOrigin } from "../audit/model.ts";
import { signAccessToken, verifyAccessToken } from "./access-token.ts";
import type { SessionIdentity, TokenPair } from "./model.ts";
import { readRefreshToken, writeRefreshToken } from "./refresh-token.ts";
import type { SigningKeys } from "./signing-keys.ts";
import type { SessionStore } from "./store.ts";

export type TokenDeps = {
  store: SessionStore;
  keys: SigningKeys;
  secrets: Secrets;
  clock: Clock;
  random: Random;
  /** The public URL: `iss` of every token. */
  issuer: string;
  /** All in ms. */
  accessTokenTtl: number;
  refreshGrace: number;
  refreshTokenIdle: number;
  /** For how long a new key is published before it signs. */
  keyPublishAhead: number;
};

/** The pair of a session's generation; a login's is generation 1. */
export function issueTokens(deps: TokenDeps, identity: SessionIdentity, generation = 1): TokenPair {
  const now = deps.clock.now();
  const accessToken = signAccessToken({
    key: deps.keys.current(now),
    issuer: deps.issuer,
    identity,
    now,
    ttl: deps.accessTokenTtl,
    random: deps.random,
  });
  return {
    accessToken,
    refreshToken: writeRefreshToken(deps.secrets, { sessionId: identity.sessionId, generation }),
  };
}

/** Exchanges a refresh token for the next pair. Throws INVALID_REFRESH_TOKEN, alike whatever the reason. */
export async function refreshTokens(deps: TokenDeps, token: string, from: RequestOrigin): Promise<TokenPair> {
  const named = readRefreshToken(deps.secrets, token);
  if (named === undefined) throw apiError("INVALID_REFRESH_TOKEN");
  const now = deps.clock.now();
  const outcome = await deps.store.rotateRefreshToken({
    ...named,
    now,
    grace: deps.refreshGrace,
    idle: deps.refreshTokenIdle,
    from,
    auditId: newId(deps.random, now),
    eventId: newEventId(deps.random, now),
  });
  if (outcome.kind !== "refreshed") throw apiError("INVALID_REFRESH_TOKEN");
  return issueTokens(deps, outcome.identity, outcome.generation);
}

/** Who an access token speaks for, if it is genuine and its session, user and account are still in good standing. */
export async function authenticateAccessToken(
  deps: TokenDeps,
  token: string,
): Promise<SessionBound | undefined> {
  const now = deps.clock.now();
  const claims = verifyAccessToken(token, { keys: deps.keys.verifying(now), issuer: deps.issuer, now });
  if (claims === undefined) return undefined;
  const live = await deps.store.findLiveSession(claims.sessionId, now);
  if (live?.userId !== claims.userId || live.accountId !== claims.accountId) return undefined;
  return { ...live, scopes: "all" };
}
