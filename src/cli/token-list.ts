import { accessTokenJson } from "../features/access-tokens/model.ts";
import { isoTime } from "../lib/clock.ts";
import { accountOption, type Command, dataDirOption, jsonOption } from "./command.ts";
import { findAccount } from "./find.ts";
import { writeList } from "./list.ts";

export const tokenList: Command = {
  name: "token list",
  summary: "Lists the personal access tokens of an account, without the tokens themselves.",
  options: { ...accountOption, ...dataDirOption, ...jsonOption },
  async run({ input, output, open }) {
    const services = await open();
    const account = await findAccount(services, input.text("account"));
    const never = (time: number | null) => (time === null ? "never" : isoTime(time));
    await writeList(output, (page) => services.storage.accessTokens.listAccessTokens(account.id, page), {
      noun: "access tokens",
      json: accessTokenJson,
      columns: [
        { title: "ID", text: ({ id }) => id },
        { title: "NAME", text: ({ name }) => name },
        { title: "USER", text: ({ userId }) => userId },
        { title: "EXPIRES", text: ({ expiresAt }) => never(expiresAt) },
        { title: "LAST USED", text: ({ lastUsedAt }) => never(lastUsedAt) },
        { title: "SCOPES", text: ({ scopes }) => scopes.join(" ") },
      ],
    });
    return undefined;
  },
};
