import { noRequest } from "../features/audit/model.ts";
import { loginIdentity } from "../features/login/identity.ts";
import { newId } from "../lib/ids.ts";
import { type Command, dataDirOption, jsonOption, userOptions } from "./command.ts";
import { findUser } from "./find.ts";
import { shownUserJson } from "./shown-user.ts";

export const userUnlock: Command = {
  name: "user unlock",
  summary: "Forgets a user's failed logins, so that the user can try again at once.",
  options: { ...userOptions, ...dataDirOption, ...jsonOption },
  notes: ["A suspended user stays suspended: postern user resume is for that."],
  async run({ input, output, open }) {
    const services = await open();
    const { storage, secrets, clock, random } = services;
    const { account, user } = await findUser(services, input);
    const now = clock.now();
    await storage.login.unlock(loginIdentity(secrets, { found: account.id }, user.email), user.id, {
      id: newId(random, now),
      accountId: account.id,
      at: now,
      action: "user.unlocked",
      actor: "operator",
      target: { kind: "user", id: user.id },
      from: noRequest,
      details: {},
    });
    await output.record(shownUserJson(user), `The user ${user.email} is not locked any more.`);
    return undefined;
  },
};
