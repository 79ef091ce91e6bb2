import type { Identity } from "../../http/guard.ts";
import type { Clock } from "../../lib/clock.ts";
import { sha256Hex } from "../../lib/secrets.ts";
import type { AccessTokenStore } from "./store.ts";

/** The last use of a token is written at most so often, in ms: it is for people, who ask "is this one still used?". */
const noteUseEvery = 60_000;

/** Ours have 47 characters: whatever is much longer is none, and is not hashed. */
const longestToken = 128;

/**
 * Who a personal access token speaks for; undefined when it is unknown, expired or revoked, or its user or account is
 * suspended.
 */
export async function authenticatePersonalToken(
  { store, clock }: { store: AccessTokenStore; clock: Clock },
  token: string,
): Promise<Identity | undefined> {
  if (token.length > longestToken) return undefined;
  const now = clock.now();
  const found = await store.findBearer(sha256Hex(token), now);
  if (found === undefined) return undefined;
  const { id, lastUsedAt, ...bearer } = found;
  // Nobody waits for the note, and a disk that is full for it is not full for those who read.
  if (lastUsedAt === null || now - lastUsedAt >= noteUseEvery) store.noteUse(id, now).catch(() => {});
  return { ...bearer, sessionId: null };
}
