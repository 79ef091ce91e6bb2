import type { Services } from "../compose.ts";
import { shown } from "../config/fault.ts";
import type { Account } from "../features/accounts/model.ts";
import type { User } from "../features/users/model.ts";
import { OperatorError } from "../lib/errors.ts";
import type { Input } from "./input.ts";

/** The account with this id or alias. Throws OperatorError when there is none. */
export async function findAccount({ storage }: Services, reference: string): Promise<Account> {
  const account = await storage.accounts.findAccount(reference);
  if (account !== undefined) return account;
  throw new OperatorError(
    `There is no account ${shown(reference)}: postern account list shows those there are.`,
  );
}

/** The user that --account and --email name. Throws OperatorError when there is none. */
export async function findUser(services: Services, input: Input): Promise<{ account: Account; user: User }> {
  const account = await findAccount(services, input.text("account"));
  const email = input.text("email");
  const user = await services.storage.users.findUserByEmail(account.id, email);
  if (user !== undefined) return { account, user };
  throw new OperatorError(
    `The account ${account.alias} has no user with the e-mail address ${shown(email)}.`,
  );
}
