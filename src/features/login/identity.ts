import type { Secrets } from "../../lib/secrets.ts";
import { foldCase } from "../../lib/text.ts";

/** The account that a login names, as far as it could be found. */
export type NamedAccount = { found: string } | { unknownId: string | null; unknownAlias: string | null };

/**
 * The one key under which failures of a login are counted: of the account's id however it was named, and the e-mail
 * without regard to case. Counting by spelling would multiply the guesses. Invented accounts and users have keys in
 * the same way, so that they lock alike. A keyed hash (32 bytes): the database does not become a list of what people
 * typed.
 */
export function loginIdentity(secrets: Secrets, account: NamedAccount, email: string): Uint8Array {
  const parts =
    "found" in account
      ? ["account", account.found]
      : ["unknown", foldCase(account.unknownId ?? ""), foldCase(account.unknownAlias ?? "")];
  // As JSON, so that no two lists of parts have one text.
  return secrets.mac("login-identity", JSON.stringify([...parts, foldCase(email)]));
}
