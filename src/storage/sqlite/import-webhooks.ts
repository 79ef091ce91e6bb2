import { eq } from "drizzle-orm";
import type { ImportStore } from "../../features/import/store.ts";
import { eventNames } from "../../features/webhooks/model.ts";
import { differing, isEmpty } from "./differing.ts";
import { importAudit } from "./import-audit.ts";
import type { ImportFinder } from "./import-finder.ts";
import type { Connection } from "./open.ts";
import { webhooks } from "./schema.ts";
import type { WebhookTable } from "./webhooks.ts";

/** Imports webhooks. What waits for one goes to its new URL, signed with its new token. */
export function webhookImports(
  connection: Connection,
  finder: ImportFinder,
  table: WebhookTable,
): Pick<ImportStore, "findWebhook" | "importWebhook"> {
  const { db, write } = connection;
  const audited = importAudit(connection);
  const byId = (id: string) => db.select().from(webhooks).where(eq(webhooks.id, id)).get();
  return {
    async findWebhook(accountId, webhook) {
      const id = finder.find(accountId, { ...webhook, kind: "webhook" });
      const row = id === undefined ? undefined : byId(id);
      return row && { id: row.id, signatureFormat: row.signatureFormat, sealedToken: row.token };
    },
    importWebhook: (webhook, mark) =>
      write(() => {
        const { accountId, newId, now } = mark;
        const { sealedToken, events: wanted, ...given } = webhook;
        const events = eventNames.filter((name) => wanted.includes(name));
        const id = finder.find(accountId, { ...webhook, kind: "webhook" }) ?? webhook.id ?? newId;
        const row = byId(id);
        if (row === undefined) {
          const { name, url, active = true, signatureFormat = "cryptlex" } = given;
          if (sealedToken === undefined) throw new Error("a new webhook was prepared without a token");
          table.insert({
            id,
            accountId,
            name,
            url,
            active,
            signatureFormat,
            sealedToken,
            events,
            createdAt: now,
          });
          return audited({ kind: "webhook", id }, "created", mark);
        }
        const token = sealedToken && Buffer.from(sealedToken);
        const changes = differing(row, { ...given, id, token });
        const eventsChanged = !Bun.deepEquals(table.only(id).events, events);
        if (isEmpty(changes) && !eventsChanged) return { kind: "unchanged", id };
        if (eventsChanged) table.setEvents({ id, accountId, events });
        db.update(webhooks)
          .set({ ...changes, updatedAt: now })
          .where(eq(webhooks.id, id))
          .run();
        return audited({ kind: "webhook", id }, "updated", mark);
      }),
  };
}
