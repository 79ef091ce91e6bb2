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
 * Ends the session of a token. Ending it again is fine, since a client that lost the answer repeats itself: the token must be genuine, its session need not
 * be alive. Throws INVALID_REFRESH_TOKEN or UNAUTHENTICATED for a token that is not genuine.
 */
export async function logOut(deps: TokenDeps, proof: LogoutProof, from: RequestOrigin): Promise<void> {
  const session =
    proof.refreshToken === null
      ? ofAccessToken(deps, proof.accessToken)
      : await ofRefreshToken(deps, proof.refreshToken);
  if (session !== undefined) await endOne(deps, session, "logout", from);
}

type NamedSession = { id: string; userId: string; accountId: string };

function ofAccessToken(deps: TokenDeps, token: string | null): NamedSession {
  const now = deps.clock.now();
  const claims =
    token === null
      ? undefined
      : verifyAccessToken(token, { keys: deps.keys.verifying(now), issuer: deps.issuer, now });
  if (claims === undefined) throw apiError("UNAUTHENTICATED");
  return { id: claims.sessionId, userId: claims.userId, accountId: claims.accountId };
}

/** Any generation will do: whoever holds a spent token of a session can do no worse than end it. */
async function ofRefreshToken(deps: TokenDeps, token: string): Promise<NamedSession | undefined> {
  const named = readRefreshToken(deps.secrets, token);
  if (named === undefined) throw apiError("INVALID_REFRESH_TOKEN");
  const live = await deps.store.findLiveSession(named.sessionId, deps.clock.now());
  return live === undefined
    ? undefined
    : { id: live.sessionId, userId: live.userId, accountId: live.accountId };
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
