import { createAccount } from "../features/accounts/create.ts";
import { accountJson } from "../features/accounts/model.ts";
import { type Command, dataDirOption, jsonOption } from "./command.ts";

export const accountCreate: Command = {
  name: "account create",
  summary: "Makes an account: a tenant with users, roles and webhooks of its own.",
  options: {
    alias: {
      kind: "text",
      value: "ALIAS",
      help: "A name that is easy to type, unique without regard to case.",
      required: true,
    },
    company: { kind: "text", value: "COMPANY", help: "The company it is for.", required: true },
    id: {
      kind: "text",
      value: "ID",
      help: "An id that clients carry already: 1 to 36 letters, digits and dashes.",
    },
    ...dataDirOption,
    ...jsonOption,
  },
  async run({ input, output, open }) {
    const services = await open({ create: true });
    const { account, needsNaming } = await createAccount(
      { ...services, store: services.storage.accounts },
      {
        id: input.optional("id"),
        alias: input.text("alias"),
        company: input.text("company"),
        actor: "operator",
      },
    );
    await output.record(accountJson(account), `Made the account ${account.alias} with the id ${account.id}.`);
    if (needsNaming) {
      await output.note(
        "This is the second account: from now on a login must name its account, by accountId or accountAlias.",
      );
    }
    return undefined;
  },
};
