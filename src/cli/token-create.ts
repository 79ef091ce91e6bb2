import { createAccessToken } from "../features/access-tokens/create.ts";
import { accessTokenJson, scopes } from "../features/access-tokens/model.ts";
import { isoTime } from "../lib/clock.ts";
import { parseDuration } from "../lib/duration.ts";
import { OperatorError } from "../lib/errors.ts";
import { accountOption, type Command, dataDirOption, jsonOption, UsageError } from "./command.ts";
import { findAccount } from "./find.ts";

const defaultLifetime = "90d";

export const tokenCreate: Command = {
  name: "token create",
  summary: "Makes a personal access token, with which a program calls the API as a user.",
  options: {
    ...accountOption,
    user: { kind: "text", value: "EMAIL", help: "The user it speaks for.", required: true },
    name: { kind: "text", value: "NAME", help: "What it is for.", required: true },
    scope: {
      kind: "list",
      value: "SCOPE",
      help: `What it may do, once for each: ${scopes.join(", ")}. If none is given, all that end in :read.`,
    },
    expires: {
      kind: "text",
      value: "DURATION",
      help: `When it expires, 1m to 3650d from now, or never; ${defaultLifetime} if not given.`,
    },
    ...dataDirOption,
    ...jsonOption,
  },
  notes: ["The token is shown this once; only its hash is kept."],
  async run({ input, output, open }) {
    const lifetime = readLifetime(input.optional("expires") ?? defaultLifetime);
    const services = await open({ create: true });
    const account = await findAccount(services, input.text("account"));
    const email = input.text("user");
    const user = await services.storage.users.findUserByEmail(account.id, email);
    if (user === undefined) throw new OperatorError(`The account ${account.alias} has no user ${email}.`);
    const { accessToken, token } = await createAccessToken(
      { ...services, store: services.storage.accessTokens },
      { user, name: input.text("name"), scopes: input.list("scope"), lifetime, actor: "operator" },
    );
    const { expiresAt } = accessToken;
    await output.record(
      { ...accessTokenJson(accessToken), token },
      `Made an access token for ${user.email} with the id ${accessToken.id}, which ${
        expiresAt === null ? "never expires" : `expires at ${isoTime(expiresAt)}`
      } and permits ${accessToken.scopes.join(", ")}.\nIt is shown this once: ${token}`,
    );
    return undefined;
  },
};

function readLifetime(text: string): number | null {
  if (text === "never") return null;
  const lifetime = parseDuration(text);
  if (lifetime === undefined) throw new UsageError("--expires is a duration such as 12h or 90d, or never");
  return lifetime;
}
