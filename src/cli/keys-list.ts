import { keyJson, keyStates } from "../features/sessions/rotate-keys.ts";
import { type Command, dataDirOption, jsonOption } from "./command.ts";
import { writeList } from "./list.ts";

export const keysList: Command = {
  name: "keys list",
  summary:
    "Lists the keys that access tokens are signed with: which signs, which are published, which are withdrawn.",
  options: { ...dataDirOption, ...jsonOption },
  async run({ input: _, output, open }) {
    const services = await open();
    const keys = keyStates(await services.storage.sessions.listSigningKeys(), services.clock.now()).map(
      keyJson,
    );
    const time = (value: string | null) => value ?? "-";
    await writeList(output, async ({ afterId }) => (afterId === "" ? keys : []), {
      noun: "signing keys",
      json: (key) => key,
      columns: [
        { title: "ID", text: ({ id }) => id },
        { title: "STATE", text: ({ state }) => state },
        { title: "CREATED", text: ({ createdAt }) => createdAt },
        { title: "SIGNS FROM", text: ({ signsFrom }) => signsFrom },
        { title: "PUBLISHED UNTIL", text: ({ publishedUntil }) => time(publishedUntil) },
      ],
    });
    return undefined;
  },
};
