import type { Clock } from "../../lib/clock.ts";
import type { TicketClaims } from "../two-factor/enrolment-ticket.ts";
import type { User } from "../users/model.ts";

export type TicketDeps = {
  read(token: string, now: number): Promise<TicketClaims | undefined>;
  findUser(accountId: string, userId: string): Promise<User | undefined>;
  /** The version of the password that a login as this user would verify; undefined where its account is suspended. */
  passwordVersionOf(user: User): Promise<number | undefined>;
  clock: Clock;
};

/** Tickets have some 300 characters: whatever is much longer is none. */
const longestTicket = 2_048;

/**
 * Who may enrol with this ticket; undefined once the user has enrolled, user or account was suspended, or the
 * password that earned it was changed. It is read only if it is no access token by its look: those have their own
 * judge.
 */
export async function authenticateTicket(
  { read, findUser, passwordVersionOf, clock }: TicketDeps,
  token: string,
): Promise<{ accountId: string; userId: string } | undefined> {
  if (token.length > longestTicket || token.split(".").length !== 3) return undefined;
  const claims = await read(token, clock.now());
  if (claims === undefined) return undefined;
  const { accountId, userId } = claims;
  const user = await findUser(accountId, userId);
  if (user === undefined || user.status === "suspended" || user.twoFactorEnabled) return undefined;
  return (await passwordVersionOf(user)) === claims.passwordVersion ? { accountId, userId } : undefined;
}
