import type { AuditEntry } from "../audit/model.ts";
import type { AccessToken } from "./model.ts";

/** Who a token speaks for. */
export type Bearer = {
  id: string;
  accountId: string;
  userId: string;
  role: string;
  scopes: string[];
  lastUsedAt: number | null;
};

export type AccessTokenStore = {
  /**
   * Throws CONFLICT when the user has as many tokens as it may (mostAccessTokensOfAUser); expired ones are forgotten
   * first.
   */
  createAccessToken(token: AccessToken & { tokenHash: string }, audit: AuditEntry): Promise<void>;
  /** Tokens of one account in the order of their ids, a page at a time: those after `afterId`. */
  listAccessTokens(accountId: string, page: { afterId: string; limit: number }): Promise<AccessToken[]>;
  findAccessToken(id: string): Promise<AccessToken | undefined>;
  /** Forgets a token: it is refused from now on. Returns whether there was one. */
  revokeAccessToken(id: string, audit: AuditEntry): Promise<boolean>;
  /** By its hash, in one indexed read: undefined when it is unknown or expired, or its user or account is suspended. */
  findBearer(tokenHash: string, now: number): Promise<Bearer | undefined>;
  noteUse(id: string, now: number): Promise<void>;
};
