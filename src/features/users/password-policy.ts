import { isCommonPassword } from "../../lib/common-passwords.ts";
import { ApiError } from "../../lib/errors.ts";
import { normalForm } from "../../lib/passwords.ts";
import { codePointLength, foldCase } from "../../lib/text.ts";

/** The longest password that a login takes, in code points: the published bound. */
const longestPassword = 256;

/**
 * Refuses a password that a login could not send, or that anybody would try first. No rules on kinds of characters:
 * NIST SP 800-63B, section 3.1.1.2, and OWASP ASVS 5, 6.2.5, advise against them. Throws WEAK_PASSWORD.
 */
export function checkNewPassword(password: string, user: { email: string }, minLength: number): void {
  // As it is hashed, since another keyboard may send that; the upper bound is that of a body, as it comes.
  const length = codePointLength(normalForm(password));
  if (length < minLength) {
    throw new ApiError("WEAK_PASSWORD", `A password has at least ${minLength} characters.`);
  }
  if (codePointLength(password) > longestPassword) {
    throw new ApiError("WEAK_PASSWORD", `A password has at most ${longestPassword} characters.`);
  }
  if (foldCase(password) === foldCase(user.email)) {
    throw new ApiError("WEAK_PASSWORD", "A password must not be the e-mail address.");
  }
  if (password.trim() === "") throw new ApiError("WEAK_PASSWORD", "A password must not be of spaces alone.");
  if (isCommonPassword(normalForm(password))) {
    throw new ApiError(
      "WEAK_PASSWORD",
      "This password is among the commonest, which are guessed first: choose another.",
    );
  }
}
