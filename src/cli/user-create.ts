import { createUser } from "../features/users/create.ts";
import { type Command, dataDirOption, jsonOption, userOptions } from "./command.ts";
import { findAccount } from "./find.ts";
import { secretReader } from "./secret.ts";
import { shownUserJson } from "./shown-user.ts";

export const userCreate: Command = {
  name: "user create",
  summary: "Makes a user who can log in.",
  options: {
    ...userOptions,
    "first-name": { kind: "text", value: "NAME", help: "The first name.", required: true },
    "last-name": { kind: "text", value: "NAME", help: "The last name; may be empty.", required: true },
    role: {
      kind: "text",
      value: "ROLE",
      help: "super-admin, admin, organization-admin, reseller-admin, user (if not given), or a role of the account.",
    },
    "password-stdin": {
      kind: "flag",
      help: "Reads the password from standard input; without this, it is asked for on the terminal.",
    },
    ...dataDirOption,
    ...jsonOption,
  },
  async run({ input, output, open }) {
    const readPassword = secretReader({
      noun: "password",
      fromStandardInput: input.flag("password-stdin"),
    });
    const services = await open({ create: true });
    const account = await findAccount(services, input.text("account"));
    const user = await createUser(
      { ...services, ...services.config, store: services.storage.users },
      {
        accountId: account.id,
        email: input.text("email"),
        firstName: input.text("first-name"),
        lastName: input.text("last-name"),
        role: input.optional("role"),
        password: await readPassword(),
        actor: "operator",
      },
    );
    await output.record(
      shownUserJson(user),
      `Made the user ${user.email} of the account ${account.alias} with the id ${user.id} and the role ${user.role}.`,
    );
    return undefined;
  },
};
