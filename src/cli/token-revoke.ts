import { accessTokenJson } from "../features/access-tokens/model.ts";
import { revokeAccessToken } from "../features/access-tokens/revoke.ts";
import { type Command, dataDirOption, jsonOption } from "./command.ts";

export const tokenRevoke: Command = {
  name: "token revoke",
  summary: "Revokes a personal access token: it is refused from now on.",
  arguments: [{ name: "TOKEN_ID", help: "The id of the token, which postern token list shows." }],
  options: { ...dataDirOption, ...jsonOption },
  async run({ input, output, open }) {
    const services = await open();
    const token = await revokeAccessToken(
      { ...services, store: services.storage.accessTokens },
      input.argument(),
    );
    await output.record(accessTokenJson(token), `The access token ${token.name} is revoked.`);
    return undefined;
  },
};
