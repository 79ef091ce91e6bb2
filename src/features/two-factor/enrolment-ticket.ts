import { jwt } from "@elysiajs/jwt";
import { t } from "elysia";
import type { Secrets } from "../../lib/secrets.ts";

/** How long somebody who must enrol has for it: 15 min. */
export const enrolmentTicketSeconds = 15 * 60;

/** What a ticket says. It is for a password, too: one that was changed meanwhile ends it. */
export type TicketClaims = { userId: string; accountId: string; passwordVersion: number };

/** Who it is for: the enrolment calls, and nothing else. */
export const enrolmentAudience = "postern:enrolment";

/**
 * The short-lived ticket of somebody who must enrol in two-factor authentication before the first login: HS256 under
 * a subkey of its own. It is no session, and no access token: those are ES256.
 */
export function enrolmentTickets(secrets: Secrets, issuer: string) {
  return jwt({
    name: "enrolmentTicket",
    secret: secrets.subkey("enrolment-ticket"),
    alg: "HS256",
    typ: "enrolment+jwt",
    iss: issuer,
    aud: enrolmentAudience,
    schema: t.Object({ sub: t.String(), account: t.String(), passwordVersion: t.Integer() }),
  });
}

/**
 * Reads a ticket. Algorithm, issuer and audience are pinned, and expiry is demanded: the plugin checks only what it
 * is told to. Undefined for whatever is no genuine ticket at `now` (ms).
 */
export function ticketReader(
  secrets: Secrets,
  issuer: string,
): (token: string, now: number) => Promise<TicketClaims | undefined> {
  const { enrolmentTicket } = enrolmentTickets(secrets, issuer).decorator;
  return async (token, now) => {
    const claims = await enrolmentTicket.verify(token, {
      algorithms: ["HS256"],
      typ: "enrolment+jwt",
      issuer,
      audience: enrolmentAudience,
      requiredClaims: ["exp", "sub"],
      currentDate: new Date(now),
    });
    if (claims === false) return undefined;
    return { userId: claims.sub, accountId: claims.account, passwordVersion: claims.passwordVersion };
  };
}
