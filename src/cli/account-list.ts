import { accountJson } from "../features/accounts/model.ts";
import { type Command, dataDirOption, jsonOption } from "./command.ts";
import { writeList } from "./list.ts";

export const accountList: Command = {
  name: "account list",
  summary: "Lists the accounts.",
  options: { ...dataDirOption, ...jsonOption },
  async run({ output, open }) {
    const { storage } = await open();
    await writeList(output, (page) => storage.accounts.listAccounts(page), {
      noun: "accounts",
      json: accountJson,
      columns: [
        { title: "ID", text: ({ id }) => id },
        { title: "ALIAS", text: ({ alias }) => alias },
        { title: "COMPANY", text: ({ company }) => company },
        { title: "STATUS", text: ({ status }) => status },
        { title: "TWO-FACTOR", text: ({ requireTwoFactor }) => [requireTwoFactor].flat().join(" ") },
      ],
    });
    return undefined;
  },
};
