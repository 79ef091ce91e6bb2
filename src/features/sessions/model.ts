import { t } from "elysia";
import { isoTime } from "../../lib/clock.ts";
import type { RequestOrigin } from "../audit/model.ts";

/** A session to be made by a login. */
export type NewSession = { id: string; from: RequestOrigin; expiresAt: number };

/** Live sessions of one user at most; a further login ends the oldest. */
export const mostSessionsOfAUser = 100;

export type SessionEndReason =
  | "logout"
  | "too-many-sessions"
  | "password-changed"
  | "reuse-detected"
  | "two-factor-reset"
  | "user-suspended";

/** Who a valid access token speaks for. */
export type SessionIdentity = { accountId: string; userId: string; sessionId: string; role: string };

/** What a login and a refresh answer. */
export const tokenPair = t.Object(
  {
    accessToken: t.String({
      description:
        "A JWT (ES256) for the Authorization header. Verify it with the keys of `/.well-known/jwks.json`.",
      examples: ["eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9…"],
    }),
    refreshToken: t.String({
      description: "Good for one `POST /v3/accounts/refresh`, which answers the next pair.",
      examples: ["ptr_AZjA3npbcACAAF9sHS46Sw…"],
    }),
  },
  { description: "A new pair of tokens." },
);

export type TokenPair = typeof tokenPair.static;

/** A session as its user sees it. Times in ms. */
export type Session = {
  id: string;
  createdAt: number;
  lastUsedAt: number;
  address: string | null;
  userAgent: string | null;
  origin: string | null;
};

const optionalString = t.Union([t.String(), t.Null()]);

export const sessionSchema = t.Object({
  id: t.String(),
  createdAt: t.String(),
  lastUsedAt: t.String({ description: "When it was last refreshed, or made." }),
  address: optionalString,
  userAgent: optionalString,
  origin: optionalString,
  current: t.Boolean({ description: "Whether this is the session of the token that asks." }),
});

/** A session as the API shows it. */
export function sessionJson(session: Session, currentId: string): typeof sessionSchema.static {
  const { id, address, userAgent, origin } = session;
  const times = { createdAt: isoTime(session.createdAt), lastUsedAt: isoTime(session.lastUsedAt) };
  return { id, ...times, address, userAgent, origin, current: id === currentId };
}
