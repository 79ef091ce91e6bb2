import { and, asc, count, eq, getTableColumns, gt, inArray } from "drizzle-orm";
import { eventNames, mostWebhooksOfAnAccount, type Webhook } from "../../features/webhooks/model.ts";
import type { NewWebhook, WebhookStore } from "../../features/webhooks/store.ts";
import { ApiError } from "../../lib/errors.ts";
import { auditWriter } from "./audit.ts";
import type { Connection } from "./open.ts";
import { webhookEvents, webhooks } from "./schema.ts";

/** The answers to `features/webhooks/store.ts`. */
export function webhookStore(connection: Connection): WebhookStore {
  const { write } = connection;
  const writeAudit = auditWriter(connection);
  const table = webhookTable(connection);
  return {
    createWebhook: (webhook, audit) =>
      write(() => {
        table.insert(webhook);
        writeAudit(audit);
        return table.only(webhook.id);
      }),
    listWebhooks: async (accountId, { afterId, limit }) => table.page(accountId, afterId, limit),
  };
}

export type WebhookTable = ReturnType<typeof webhookTable>;

/** Webhooks with the events they want. Used inside transactions; opens none. */
export function webhookTable({ db }: Connection) {
  const { token: _token, ...shown } = getTableColumns(webhooks);

  function withEvents(rows: Pick<typeof webhooks.$inferSelect, keyof typeof shown>[]): Webhook[] {
    const ids = rows.map(({ id }) => id);
    const wanted = db.select().from(webhookEvents).where(inArray(webhookEvents.webhookId, ids)).all();
    return rows.map((row) => {
      const own = wanted.filter(({ webhookId }) => webhookId === row.id);
      return {
        id: row.id,
        accountId: row.accountId,
        name: row.name,
        url: row.url,
        active: row.active,
        events: eventNames.filter((name) => own.some(({ event }) => event === name)),
        signatureFormat: row.signatureFormat,
        health: row.health,
        healthReason: row.healthReason,
        suspendedAt: row.suspendedAt,
        createdAt: row.createdAt,
        updatedAt: row.updatedAt,
      };
    });
  }

  function setEvents({ id, accountId, events }: Pick<Webhook, "id" | "accountId" | "events">): void {
    db.delete(webhookEvents).where(eq(webhookEvents.webhookId, id)).run();
    db.insert(webhookEvents)
      .values(events.map((event) => ({ accountId, event, webhookId: id })))
      .run();
  }

  return {
    setEvents,
    count: (accountId: string): number =>
      db.select({ count: count() }).from(webhooks).where(eq(webhooks.accountId, accountId)).get()?.count ?? 0,
    /** Throws CONFLICT when the account has as many as it may. */
    insert({ events, sealedToken, ...webhook }: NewWebhook): void {
      if (this.count(webhook.accountId) >= mostWebhooksOfAnAccount) throw tooManyWebhooks();
      db.insert(webhooks)
        .values({
          ...webhook,
          token: Buffer.from(sealedToken),
          health: "healthy",
          healthReason: "",
          failures: 0,
          probes: 0,
          updatedAt: webhook.createdAt,
        })
        .run();
      setEvents({ ...webhook, events });
    },
    /** The webhook with this id. */
    only(id: string): Webhook {
      const [webhook] = withEvents(db.select(shown).from(webhooks).where(eq(webhooks.id, id)).all());
      if (webhook === undefined) throw new ApiError("NOT_FOUND", "This webhook no longer exists.");
      return webhook;
    },
    page: (accountId: string, afterId: string, limit: number): Webhook[] =>
      withEvents(
        db
          .select(shown)
          .from(webhooks)
          .where(and(eq(webhooks.accountId, accountId), gt(webhooks.id, afterId)))
          .orderBy(asc(webhooks.id))
          .limit(limit)
          .all(),
      ),
  };
}

/** What is said where an account would get more webhooks than it may have. */
export function tooManyWebhooks(): ApiError {
  return new ApiError(
    "CONFLICT",
    `The account has ${mostWebhooksOfAnAccount} webhooks, the most there can be.`,
  );
}
