import { webhookJson } from "../features/webhooks/model.ts";
import { accountOption, type Command, dataDirOption, jsonOption } from "./command.ts";
import { findAccount } from "./find.ts";
import { writeList } from "./list.ts";

export const webhookList: Command = {
  name: "webhook list",
  summary: "Lists the webhooks of an account and how they are.",
  options: { ...accountOption, ...dataDirOption, ...jsonOption },
  async run({ input, output, open }) {
    const services = await open();
    const account = await findAccount(services, input.text("account"));
    await writeList(output, (page) => services.storage.webhooks.listWebhooks(account.id, page), {
      noun: "webhooks",
      json: webhookJson,
      columns: [
        { title: "ID", text: ({ id }) => id },
        { title: "NAME", text: ({ name }) => name },
        { title: "URL", text: ({ url }) => url },
        { title: "EVENTS", text: ({ events }) => events.join(" ") },
        { title: "FORMAT", text: ({ signatureFormat }) => signatureFormat },
        {
          title: "HEALTH",
          text: ({ active, health, healthReason }) =>
            (active ? [health, healthReason] : ["off"]).filter(Boolean).join(": "),
        },
      ],
    });
    return undefined;
  },
};
