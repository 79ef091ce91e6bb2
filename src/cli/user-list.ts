import { isoTime } from "../lib/clock.ts";
import { accountOption, type Command, dataDirOption, jsonOption } from "./command.ts";
import { findAccount } from "./find.ts";
import { writeList } from "./list.ts";
import { shownUserJson } from "./shown-user.ts";

export const userList: Command = {
  name: "user list",
  summary: "Lists the users of an account.",
  options: { ...accountOption, ...dataDirOption, ...jsonOption },
  async run({ input, output, open }) {
    const services = await open();
    const account = await findAccount(services, input.text("account"));
    await writeList(output, (page) => services.storage.users.listUsers(account.id, page), {
      noun: "users",
      json: shownUserJson,
      columns: [
        { title: "ID", text: ({ id }) => id },
        { title: "EMAIL", text: ({ email }) => email },
        { title: "NAME", text: ({ firstName, lastName }) => `${firstName} ${lastName}`.trim() },
        { title: "ROLE", text: ({ role }) => role },
        { title: "STATUS", text: ({ status }) => status },
        { title: "TWO-FACTOR", text: ({ twoFactorEnabled }) => (twoFactorEnabled ? "yes" : "no") },
        {
          title: "LAST LOGIN",
          text: ({ lastLoginAt }) => (lastLoginAt === null ? "never" : isoTime(lastLoginAt)),
        },
      ],
    });
    return undefined;
  },
};
