import type { EventName } from "../../features/webhooks/model.ts";
import type { Connection } from "./open.ts";

/** An event as it will be sent: the body is rendered now, so that every attempt sends the same bytes. */
export type NewEvent = { id: string; accountId: string; type: EventName; body: string; now: number };

/**
 * Writes an event and one delivery for each active webhook of the account that wants it, inside the transaction that
 * makes the event true. The loop is told after the commit. Deliveries of a suspended webhook are held from the start.
 */
export function eventWriter(connection: Connection): (event: NewEvent) => void {
  const insertEvent = connection.raw.prepare<undefined, [string, string, string, string, number]>(
    "INSERT INTO outbox_events (id, account_id, type, body, created_at) VALUES (?, ?, ?, ?, ?)",
  );
  const insertDeliveries = connection.raw.prepare<
    { webhook_id: string },
    { eventId: string; accountId: string; type: string; now: number }
  >(`
    INSERT INTO outbox_deliveries (event_id, webhook_id, state, attempts, next_attempt_at, created_at)
    SELECT $eventId, webhooks.id, iif(webhooks.health = 'suspended', 'held', 'pending'), 0, $now, $now
    FROM webhook_events JOIN webhooks ON webhooks.id = webhook_events.webhook_id
    WHERE webhook_events.account_id = $accountId AND webhook_events.event = $type AND webhooks.active
    RETURNING webhook_id`);
  return ({ id, accountId, type, body, now }) => {
    insertEvent.run(id, accountId, type, body, now);
    const deliveries = insertDeliveries.all({ eventId: id, accountId, type, now });
    connection.announce(deliveries.map(({ webhook_id }) => webhook_id));
  };
}
