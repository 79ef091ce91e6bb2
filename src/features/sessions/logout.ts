import { apiError } from "../../lib/errors.ts";
import { newId } from "../../lib/ids.ts";
import type { AuditEntry, RequestOrigin } from "../audit/model.ts";
import { verifyAccessToken } from "./access-token.ts";
import type { SessionEndReason } from "./model.ts";
import { readRefreshToken } from "./refresh-token.ts";
import type { TokenDeps } from "./tokens.ts";

/** What a logout may bring: one of them is enough. */
export type LogoutProof = { accessToken: string | null; refreshToken: string | null };

/**
 * Ends the session of a token. Ending it again is fine, since a client that lost the answer repeats itself: the token
 * must be genuine, its session need not be alive. False when there is neither a refresh token nor a genuine access
 * token. Throws INVALID_REFRESH_TOKEN for a refresh token that is not genuine.
 */
export async function logOut(deps: TokenDeps, proof: LogoutProof, from: RequestOrigin): Promise<boolean> {
  if (proof.refreshToken !== null) {
    const session = await ofRefreshToken(deps, proof.refreshToken);
    if (session !== undefined) await endOne(deps, session, "logout", from);
    return true;
  }
  const session = ofAccessToken(deps, proof.accessToken);
  if (session !== undefined) await endOne(deps, session, "logout", from);
  return session !== undefined;
}

type NamedSession = { id: string; userId: string; accountId: string };

function ofAccessToken(deps: TokenDeps, token: string | null): NamedSession | undefined {
  if (token === null) return undefined;
  const now = deps.clock.now();
  const claims = verifyAccessToken(token, { keys: deps.keys.verifying(now), issuer: deps.issuer, now });
  return claims && { id: claims.sessionId, userId: claims.userId, accountId: claims.accountId };
}

/**
 * Any generation will do: whoever holds a spent token of a session can do no worse than end it. Whether user and
 * account are in good standing is not asked: the session of a suspended account would be there again once it is
 * resumed.
 */
async function ofRefreshToken(deps: TokenDeps, token: string): Promise<NamedSession | undefined> {
  const named = readRefreshToken(deps.secrets, token);
  if (named === undefined) throw apiError("INVALID_REFRESH_TOKEN");
  return deps.store.findSessionOwner(named.sessionId);
}

/** Ends one session of a user. False when it is no live session of that user. */
export function endOne(
  deps: Pick<TokenDeps, "store" | "clock" | "random">,
  { id, userId, accountId }: NamedSession,
  reason: SessionEndReason,
  from: RequestOrigin,
): Promise<boolean> {
  const target = { kind: "session", id } as const;
  return deps.store.endSession(
    { id, userId, reason },
    sessionEnded(deps, accountId, target, { userId, reason }, from),
  );
}

/** Ends the sessions of a user: all, or all but `except`. Returns how many. */
export function endAll(
  deps: Pick<TokenDeps, "store" | "clock" | "random">,
  { userId, accountId, except }: { userId: string; accountId: string; except: string | null },
  from: RequestOrigin,
): Promise<number> {
  const target = { kind: "user", id: userId } as const;
  const audit = sessionEnded(deps, accountId, target, { reason: "logout", others: except !== null }, from);
  return deps.store.endSessions({ userId, except, reason: "logout" }, audit);
}

function sessionEnded(
  { clock, random }: Pick<TokenDeps, "clock" | "random">,
  accountId: string,
  target: AuditEntry["target"],
  details: AuditEntry["details"],
  from: RequestOrigin,
): AuditEntry {
  const at = clock.now();
  return {
    id: newId(random, at),
    accountId,
    at,
    action: "session.ended",
    actor: "user",
    target,
    from,
    details,
  };
}
