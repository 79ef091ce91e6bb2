import { jwt } from "@elysiajs/jwt";
import { t } from "elysia";
import type { Secrets } from "../../lib/secrets.ts";

/** How long somebody who must enrol has for it: 15 min. */
export const enrolmentTicketSeconds = 15 * 60;

/** Who it is for: the enrolment calls, and nothing else. */
export const enrolmentAudience = "postern:enrolment";

/**
 * The short-lived ticket of somebody who must enrol in two-factor authentication before the first login: HS256 under a subkey of its own.
 * It is no session, and no access token: those are ES256.
 */
export function enrolmentTickets(secrets: Secrets, issuer: string) {
  return jwt({
    name: "enrolmentTicket",
    secret: secrets.subkey("enrolment-ticket"),
    alg: "HS256",
    typ: "enrolment+jwt",
    iss: issuer,
    aud: enrolmentAudience,
    schema: t.Object({ sub: t.String(), account: t.String() }),
  });
}
