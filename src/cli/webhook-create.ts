import { createWebhook } from "../features/webhooks/create.ts";
import { eventNames, webhookJson } from "../features/webhooks/model.ts";
import { checkWebhookUrl } from "../outbox/address-guard.ts";
import { accountOption, type Command, dataDirOption, jsonOption } from "./command.ts";
import { findAccount } from "./find.ts";
import { secretReader } from "./secret.ts";

export const webhookCreate: Command = {
  name: "webhook create",
  summary: "Registers a URL that is told of an account's events.",
  options: {
    ...accountOption,
    name: { kind: "text", value: "NAME", help: "What it is for.", required: true },
    url: {
      kind: "text",
      value: "URL",
      help: "Where events are sent: https, unless the address is in a network of POSTERN_WEBHOOK_ALLOW_NETWORKS.",
      required: true,
    },
    event: {
      kind: "list",
      value: "EVENT",
      help: `An event it is told of, once for each: ${eventNames.join(", ")}.`,
      required: true,
    },
    "signature-format": {
      kind: "text",
      value: "FORMAT",
      help: "cryptlex (if not given) or standard, that of Standard Webhooks.",
    },
    "token-stdin": {
      kind: "flag",
      help: "Reads the signing token from standard input; without this, one is generated.",
    },
    ...dataDirOption,
    ...jsonOption,
  },
  notes: ["The token that deliveries are signed with is shown this once."],
  async run({ input, output, open }) {
    const services = await open({ create: true });
    const account = await findAccount(services, input.text("account"));
    const token = input.flag("token-stdin")
      ? await secretReader({ noun: "token", fromStandardInput: true })()
      : undefined;
    const { webhook, token: signingToken } = await createWebhook(
      {
        ...services,
        store: services.storage.webhooks,
        checkUrl: (url) => checkWebhookUrl(url, services.config.webhookAllowNetworks),
      },
      {
        accountId: account.id,
        name: input.text("name"),
        url: input.text("url"),
        events: input.list("event"),
        signatureFormat: input.optional("signature-format"),
        token,
        actor: "operator",
      },
    );
    await output.record(
      { ...webhookJson(webhook), token: signingToken },
      `Made the webhook ${webhook.name} of the account ${account.alias} with the id ${webhook.id}.\n` +
        `Its signing token, which is shown this once: ${signingToken}`,
    );
    return undefined;
  },
};
