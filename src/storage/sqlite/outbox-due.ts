import { eq, sql } from "drizzle-orm";
import type { DueWork, OutboxStore } from "../../outbox/store.ts";
import type { Connection } from "./open.ts";
import { webhooks } from "./schema.ts";

/** So many webhooks are looked at before others run: some 30 µs each. */
const webhooksAtOnce = 64;

/**
 * What is due for which webhook. The states stand in the statements, not in parameters: SQLite uses a partial index
 * only where it can see that the index holds every row asked for.
 */
export function dueReader({ db, raw }: Connection): OutboxStore["nextDue"] {
  const webhook = db
    .select({ active: webhooks.active, health: webhooks.health, probeAt: webhooks.probeAt })
    .from(webhooks)
    .where(eq(webhooks.id, sql.placeholder("webhookId")))
    .prepare();
  const firstPending = raw.prepare<{ dueAt: number }, [string]>(`
    SELECT next_attempt_at AS dueAt FROM outbox_deliveries
    WHERE webhook_id = ? AND state = 'pending' ORDER BY next_attempt_at LIMIT 1`);
  const firstHeld = raw.prepare<{ dueAt: number }, [string]>(`
    SELECT next_attempt_at AS dueAt FROM outbox_deliveries
    WHERE webhook_id = ? AND state = 'held' ORDER BY id LIMIT 1`);
  const nextWithPending = raw.prepare<{ webhookId: string }, [string]>(`
    SELECT webhook_id AS webhookId FROM outbox_deliveries
    WHERE state = 'pending' AND webhook_id > ? ORDER BY webhook_id LIMIT 1`);
  const nextWithHeld = raw.prepare<{ webhookId: string }, [string]>(`
    SELECT webhook_id AS webhookId FROM outbox_deliveries
    WHERE state = 'held' AND webhook_id > ? ORDER BY webhook_id LIMIT 1`);

  /** Skips from webhook to webhook through both indexes: as many steps as webhooks, not as deliveries. */
  function* webhooksWithWork(): Generator<string> {
    let last = "";
    for (;;) {
      const next = [nextWithPending.get(last), nextWithHeld.get(last)]
        .flatMap((found) => (found === null ? [] : [found.webhookId]))
        .sort()[0];
      if (next === undefined) return;
      yield next;
      last = next;
    }
  }

  function dueOf(webhookId: string): DueWork | undefined {
    const state = webhook.get({ webhookId });
    if (state === undefined) return undefined;
    const { active, health, probeAt } = state;
    const pending = firstPending.get(webhookId);
    const held = firstHeld.get(webhookId);
    if (active && health !== "suspended") {
      const first = Math.min(pending?.dueAt ?? Infinity, held?.dueAt ?? Infinity);
      return first === Infinity ? undefined : { webhookId, health, work: "send", dueAt: first };
    }
    if (pending !== null) return { webhookId, health, work: "hold", dueAt: pending.dueAt };
    if (!active || held === null || probeAt === null) return undefined;
    return { webhookId, health, work: "probe", dueAt: probeAt };
  }

  return async (webhookIds) => {
    const found: DueWork[] = [];
    let looked = 0;
    for (const webhookId of webhookIds ?? webhooksWithWork()) {
      const due = dueOf(webhookId);
      if (due !== undefined) found.push(due);
      looked += 1;
      if (looked % webhooksAtOnce === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    return found;
  };
}
