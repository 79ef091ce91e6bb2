import { closest } from "fastest-levenshtein";
import { shown } from "../../config/fault.ts";
import { isoTime } from "../../lib/clock.ts";
import { ApiError } from "../../lib/errors.ts";

/**
 * What a personal access token can be permitted, as `resource:action`. The one list: routes name what they need from
 * it.
 */
export const scopes = [
  "users:read",
  "users:write",
  "organizations:read",
  "organizations:write",
  "resellers:read",
  "resellers:write",
  "webhooks:read",
  "webhooks:write",
  "events:read",
  "events:write",
  "audit:read",
] as const;
export type Scope = (typeof scopes)[number];

/** What a token may do if nobody says otherwise: see everything, change nothing. */
export const defaultScopes: Scope[] = scopes.filter((scope) => scope.endsWith(":read"));

/** Every personal access token begins so: secret scanners and people recognise it. */
export const accessTokenPrefix = "ptp_";

/** Tokens of one user at most. */
export const mostAccessTokensOfAUser = 100;

/** A personal access token as everybody sees it: the token itself is shown once, when it is made. */
export type AccessToken = {
  id: string;
  accountId: string;
  userId: string;
  name: string;
  scopes: string[];
  createdAt: number;
  /** Null: never. */
  expiresAt: number | null;
  lastUsedAt: number | null;
};

/** A personal access token as the API and `--json` show it. */
export function accessTokenJson(token: AccessToken) {
  return {
    id: token.id,
    name: token.name,
    scopes: token.scopes,
    userId: token.userId,
    createdAt: isoTime(token.createdAt),
    expiresAt: token.expiresAt === null ? null : isoTime(token.expiresAt),
    lastUsedAt: token.lastUsedAt === null ? null : isoTime(token.lastUsedAt),
  };
}

/**
 * The scopes named, each once, in the order of the list. Throws INVALID_REQUEST for an unknown one, with the nearest
 * that is known.
 */
export function readScopes(names: readonly string[]): Scope[] {
  const unknown = names.find((name) => !scopes.some((scope) => scope === name));
  if (unknown !== undefined) {
    throw new ApiError(
      "INVALID_REQUEST",
      `There is no scope ${shown(unknown)}: did you mean ${closest(unknown.slice(0, 100), [...scopes])}?`,
    );
  }
  return scopes.filter((scope) => names.includes(scope));
}
