import type { Clock } from "../../lib/clock.ts";
import { newId } from "../../lib/ids.ts";
import type { HashParameters } from "../../lib/password-hash.ts";
import { hashPassword } from "../../lib/passwords.ts";
import { type Random, randomToken } from "../../lib/random.ts";
import { type AuditEntry, noRequest } from "../audit/model.ts";
import type { AccountStore } from "./store.ts";

/** What the first run makes: the account that callers need not name, and its first user. */
export const firstAccountAlias = "default";
export const firstUserEmail = "admin@postern.local";

/**
 * Whether a user is the one of the first run, whatever its e-mail address is by now: it was made in one moment with
 * its account.
 */
export function isFirstUser(
  account: { id: string; alias: string; createdAt: number },
  user: { accountId: string; createdAt: number },
): boolean {
  return (
    account.alias === firstAccountAlias &&
    user.accountId === account.id &&
    user.createdAt === account.createdAt
  );
}

export type FirstRunDeps = {
  accounts: AccountStore;
  clock: Clock;
  random: Random;
  hashParameters: HashParameters;
  /**
   * Keeps the first password where only the operator reads it. Called before the user exists: a crash between leaves
   * no user without password.
   */
  keepPassword(password: string): void;
};

/** Makes the first account and its first user, where there is no account yet. Says whether it did. */
export async function firstRun({
  accounts,
  clock,
  random,
  hashParameters,
  keepPassword,
}: FirstRunDeps): Promise<boolean> {
  if ((await accounts.listAccounts({ afterId: "", limit: 1 })).length > 0) return false;
  // 144 random bits as base64url: nothing in it needs quoting in JSON or a shell.
  const password = randomToken(random, 18);
  const passwordHash = await hashPassword(password, hashParameters);
  keepPassword(password);
  const now = clock.now();
  const [accountId, userId] = [newId(random, now), newId(random, now)];
  const entry = {
    accountId,
    at: now,
    actor: "server",
    from: noRequest,
    details: { firstRun: true },
  } as const;
  const audits: AuditEntry[] = [
    {
      ...entry,
      id: newId(random, now),
      action: "account.created",
      target: { kind: "account", id: accountId },
    },
    { ...entry, id: newId(random, now), action: "user.created", target: { kind: "user", id: userId } },
  ];
  const account = {
    id: accountId,
    alias: firstAccountAlias,
    company: "",
    status: "active",
    requireTwoFactor: "none",
  } as const;
  return accounts.createFirstAccount(
    { ...account, createdAt: now, updatedAt: now },
    { id: userId, email: firstUserEmail, role: "super-admin", passwordHash },
    audits,
  );
}
