import type { Clock } from "../../lib/clock.ts";
import { ApiError } from "../../lib/errors.ts";
import { idPattern, newId } from "../../lib/ids.ts";
import type { HashParameters } from "../../lib/password-hash.ts";
import { hashPassword } from "../../lib/passwords.ts";
import type { Random } from "../../lib/random.ts";
import { codePointLength, isEmail } from "../../lib/text.ts";
import { type AuditEntry, noRequest } from "../audit/model.ts";
import type { User } from "./model.ts";
import { checkNewPassword } from "./password-policy.ts";
import type { UserStore } from "./store.ts";

export type UserDeps = {
  store: UserStore;
  clock: Clock;
  random: Random;
  hash: HashParameters;
  /** The fewest code points of a new password. */
  passwordMinLength: number;
};

export type NewUserRequest = {
  id?: string | undefined;
  accountId: string;
  email: string;
  firstName: string;
  lastName: string;
  company?: string | undefined;
  /** Built-in, or one of the account's; `user` if absent. */
  role?: string | undefined;
  password: string;
  actor: AuditEntry["actor"];
};

/** The published bounds of the texts that every user has: lengths in code points. */
const mostOfText = 256;

/**
 * Makes a user with a password. Throws INVALID_REQUEST for a bad id, e-mail, name or role, WEAK_PASSWORD, CONFLICT
 * when the id or the e-mail is taken.
 */
export async function createUser(deps: UserDeps, request: NewUserRequest): Promise<User> {
  checkFields(request);
  checkNewPassword(request.password, request, deps.passwordMinLength);
  const passwordHash = await hashPassword(request.password, deps.hash);
  const now = deps.clock.now();
  const id = request.id ?? newId(deps.random, now);
  const { accountId, email, firstName, lastName, company = "", role = "user", actor } = request;
  const user = { id, accountId, email, firstName, lastName, company, role, passwordHash, createdAt: now };
  return deps.store.createUser(user, {
    id: newId(deps.random, now),
    accountId,
    at: now,
    action: "user.created",
    actor,
    target: { kind: "user", id },
    from: noRequest,
    details: { role },
  });
}

function checkFields({ id, email, firstName, lastName, company = "" }: NewUserRequest): void {
  if (id !== undefined && !idPattern.test(id)) {
    throw new ApiError("INVALID_REQUEST", "A user's id is 1 to 36 letters, digits and dashes.");
  }
  if (codePointLength(email) > mostOfText || !isEmail(email)) {
    throw new ApiError("INVALID_REQUEST", "This is not an e-mail address of at most 256 characters.");
  }
  if (firstName === "") throw new ApiError("INVALID_REQUEST", "A first name is missing.");
  for (const [what, text] of Object.entries({ "first name": firstName, "last name": lastName, company })) {
    if (codePointLength(text) > mostOfText) {
      throw new ApiError("INVALID_REQUEST", `A ${what} has at most ${mostOfText} characters.`);
    }
  }
}
