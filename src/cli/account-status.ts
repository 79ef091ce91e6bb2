import { setAccountStatus } from "../features/accounts/change.ts";
import { type AccountStatus, accountJson } from "../features/accounts/model.ts";
import { type Command, dataDirOption, jsonOption } from "./command.ts";
import { findAccount } from "./find.ts";

export const accountSuspend = statusCommand(
  "account suspend",
  "Suspends an account: its users can neither log in nor refresh until it is resumed.",
  "suspended",
);

export const accountResume = statusCommand(
  "account resume",
  "Lets the users of a suspended account log in again.",
  "active",
);

function statusCommand(name: string, summary: string, status: AccountStatus): Command {
  return {
    name,
    summary,
    arguments: [{ name: "ACCOUNT", help: "The account, by its id or alias." }],
    options: { ...dataDirOption, ...jsonOption },
    async run({ input, output, open }) {
      const services = await open();
      const found = await findAccount(services, input.argument());
      const account = await setAccountStatus(
        { ...services, store: services.storage.accounts },
        found,
        status,
      );
      await output.record(accountJson(account), `The account ${account.alias} is ${status}.`);
      return undefined;
    },
  };
}
