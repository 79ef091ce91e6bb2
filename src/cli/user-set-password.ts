import { rm } from "node:fs/promises";
import { isFirstUser } from "../features/accounts/first-run.ts";
import { setPassword } from "../features/users/set-password.ts";
import { type Command, dataDirOption, jsonOption, userOptions } from "./command.ts";
import { findUser } from "./find.ts";
import { secretReader } from "./secret.ts";
import { shownUserJson } from "./shown-user.ts";

export const userSetPassword: Command = {
  name: "user set-password",
  summary: "Sets a user's password and ends all of the user's sessions.",
  options: {
    ...userOptions,
    "password-stdin": {
      kind: "flag",
      help: "Reads the password from standard input; without this, it is asked for on the terminal.",
    },
    ...dataDirOption,
    ...jsonOption,
  },
  notes: ["A lock after failed logins stays: postern user unlock lifts it."],
  async run({ input, output, open }) {
    const readPassword = secretReader({
      noun: "password",
      fromStandardInput: input.flag("password-stdin"),
    });
    const services = await open();
    const { account, user } = await findUser(services, input);
    await setPassword(
      { ...services, ...services.config, store: services.storage.users },
      { user, password: await readPassword(), actor: "operator" },
    );
    // What the first start left there is no longer true, and a secret that lies about is read some day.
    if (isFirstUser(account, user)) {
      await rm(services.folder.initialPassword, { force: true });
    }
    const changed = await services.storage.users.findUser(account.id, user.id);
    await output.record(
      shownUserJson(changed ?? user),
      `The password of ${user.email} is set, and the user's sessions are ended.`,
    );
    return undefined;
  },
};
