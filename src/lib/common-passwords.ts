import { dictionary } from "@zxcvbn-ts/language-common";

let known: Set<string> | undefined;

/**
 * Whether a password is among the commonest ones of past leaks, which are guessed first (OWASP ASVS 5, 6.2.4): 49,233
 * of them, 17,950 with eight characters or more. Compared without regard to case, since that is what guessing
 * programs vary first. Read at the first question, some 10 ms.
 */
export function isCommonPassword(password: string): boolean {
  known ??= new Set(dictionary["passwords-common"].map((common) => common.toLowerCase()));
  return known.has(password.toLowerCase());
}
