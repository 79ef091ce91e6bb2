import { setAccountStatus } from "../features/accounts/change.ts";
import { accountJson } from "../features/accounts/model.ts";
import { type Command, dataDirOption, jsonOption } from "./command.ts";
import { findAccount } from "./find.ts";

const argument = { name: "ACCOUNT", help: "The account, by its id or alias." };

export const accountSuspend: Command = {
  name: "account suspend",
  summary: "Suspends an account: its users can neither log in nor refresh until it is resumed.",
  arguments: [argument],
  options: { ...dataDirOption, ...jsonOption },
  async run({ input, output, open }) {
    const services = await open();
    const found = await findAccount(services, input.argument());
    const deps = { ...services, store: services.storage.accounts };
    const account = await setAccountStatus(deps, found, "suspended");
    await output.record(accountJson(account), `The account ${account.alias} is suspended.`);
    return undefined;
  },
};

export const accountResume: Command = {
  name: "account resume",
  summary: "Lets the users of a suspended account log in again.",
  arguments: [argument],
  options: { ...dataDirOption, ...jsonOption },
  async run({ input, output, open }) {
    const services = await open();
    const found = await findAccount(services, input.argument());
    const deps = { ...services, store: services.storage.accounts };
    const account = await setAccountStatus(deps, found, "active");
    await output.record(accountJson(account), `The account ${account.alias} is active.`);
    return undefined;
  },
};
