import { requireTwoFactor } from "../features/accounts/change.ts";
import { accountJson, type TwoFactorRequirement } from "../features/accounts/model.ts";
import { type Command, dataDirOption, jsonOption, UsageError } from "./command.ts";
import { findAccount } from "./find.ts";

export const accountRequireTwoFactor: Command = {
  name: "account require-two-factor",
  summary: "Says which users of an account must have a second factor.",
  arguments: [
    { name: "ACCOUNT", help: "The account, by its id or alias." },
    { name: "none|all|ROLE", help: "Nobody, everybody, or the holders of these roles.", many: true },
  ],
  options: { ...dataDirOption, ...jsonOption },
  notes: [
    "A user without a second factor who must have one is told so at the next login. Sessions that exist go on.",
  ],
  async run({ input, output, open }) {
    const [reference = "", ...names] = input.arguments();
    const requirement = readRequirement(names);
    const services = await open();
    const found = await findAccount(services, reference);
    const account = await requireTwoFactor(
      { ...services, store: services.storage.accounts },
      found,
      requirement,
    );
    await output.record(accountJson(account), sentence(account.alias, requirement));
    return undefined;
  },
};

function readRequirement(names: readonly string[]): TwoFactorRequirement {
  const [only] = names;
  if (names.length === 1 && (only === "none" || only === "all")) return only;
  if (names.some((name) => name === "none" || name === "all")) {
    throw new UsageError("none and all stand alone, without roles beside them");
  }
  return [...new Set(names)];
}

function sentence(alias: string, requirement: TwoFactorRequirement): string {
  if (requirement === "none") return `Nobody in the account ${alias} needs a second factor.`;
  if (requirement === "all") return `Every user of the account ${alias} needs a second factor.`;
  return `In the account ${alias}, users with the role ${requirement.join(" or ")} need a second factor.`;
}
