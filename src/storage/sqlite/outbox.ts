import { eq, sql } from "drizzle-orm";
import { tokenBinding } from "../../features/webhooks/token.ts";
import type { Random } from "../../lib/random.ts";
import type { Secrets } from "../../lib/secrets.ts";
import { countedAtMost, type OutboxStore } from "../../outbox/store.ts";
import type { Connection } from "./open.ts";
import { deliveryClaimer } from "./outbox-claims.ts";
import { dueReader } from "./outbox-due.ts";
import { completionRecorder } from "./record-completions.ts";
import { webhooks } from "./schema.ts";

/** The answers to `outbox/store.ts`: what is due, claims, and what became of them are in files of their own. */
export function outboxStore(connection: Connection, secrets: Secrets, random: Random): OutboxStore {
  return {
    nextDue: dueReader(connection),
    ...deliveryClaimer(connection),
    complete: completionRecorder(connection, random),
    ...heldDeliveries(connection),
    findTarget: targetReader(connection, secrets),
    countByState: stateCounter(connection),
  };
}

function heldDeliveries({ raw, write }: Connection): Pick<OutboxStore, "hold" | "expireHeld"> {
  const hold = raw.prepare<undefined, { webhookId: string; now: number; limit: number }>(`
    UPDATE outbox_deliveries SET state = 'held', next_attempt_at = $now
    WHERE id IN (
      SELECT id FROM outbox_deliveries
      WHERE webhook_id = $webhookId AND state = 'pending' ORDER BY next_attempt_at, id LIMIT $limit
    ) AND EXISTS (SELECT 1 FROM webhooks WHERE id = $webhookId AND (NOT active OR health = 'suspended'))`);
  const expire = raw.prepare<undefined, { since: number; now: number; limit: number }>(`
    UPDATE outbox_deliveries SET state = 'dead', ended_at = $now
    WHERE id IN (
      SELECT id FROM outbox_deliveries
      WHERE state = 'held' AND next_attempt_at <= $since ORDER BY next_attempt_at LIMIT $limit
    )`);
  return {
    hold: (webhookId, now, limit) => write(() => hold.run({ webhookId, now, limit }).changes),
    expireHeld: (since, now, limit) => write(() => expire.run({ since, now, limit }).changes),
  };
}

function targetReader({ db }: Connection, secrets: Secrets): OutboxStore["findTarget"] {
  const target = db
    .select({
      active: webhooks.active,
      health: webhooks.health,
      url: webhooks.url,
      signatureFormat: webhooks.signatureFormat,
      sealedToken: webhooks.token,
    })
    .from(webhooks)
    .where(eq(webhooks.id, sql.placeholder("webhookId")))
    .prepare();
  return async (webhookId) => {
    const row = target.get({ webhookId });
    if (row === undefined) return undefined;
    const { sealedToken, ...rest } = row;
    return { ...rest, tokens: [secrets.open(sealedToken, tokenBinding(webhookId)).toString()] };
  };
}

function stateCounter({ raw }: Connection): OutboxStore["countByState"] {
  // One statement a state, each with its state in its text: only so does it read that state's partial index.
  const counted = (state: "pending" | "sending" | "held" | "dead") =>
    raw.prepare<{ count: number }, []>(
      `SELECT count(*) AS count FROM (SELECT 1 FROM outbox_deliveries WHERE state = '${state}' LIMIT ${countedAtMost})`,
    );
  const pending = counted("pending");
  const sending = counted("sending");
  const held = counted("held");
  const dead = counted("dead");
  return async () => ({
    pending: pending.get()?.count ?? 0,
    sending: sending.get()?.count ?? 0,
    held: held.get()?.count ?? 0,
    dead: dead.get()?.count ?? 0,
  });
}
