import type { Claimed, ClaimedDelivery, ClaimRequest, OutboxStore } from "../../outbox/store.ts";
import type { Connection } from "./open.ts";

type ClaimedRow = { id: number; eventId: string; attempts: number; dueAt: number; body: string };

type Claimer = Pick<OutboxStore, "reclaimAbandoned" | "claimDue" | "claimProbe" | "renewLeases" | "release">;

/** Into `sending` and back. Every claim asks again, in its own transaction, whether the webhook still wants it. */
export function deliveryClaimer({ raw, write }: Connection): Claimer {
  const isReady = raw.prepare<{ found: 1 }, [string]>(
    "SELECT 1 AS found FROM webhooks WHERE id = ? AND active AND health <> 'suspended'",
  );
  const claimHeld = raw.prepare<ClaimedRow, ClaimRequest & { limit: number }>(
    claimWhere("webhook_id = $webhookId AND state = 'held' ORDER BY id LIMIT $limit"),
  );
  const claimPending = raw.prepare<ClaimedRow, ClaimRequest & { limit: number }>(
    claimWhere(
      "webhook_id = $webhookId AND state = 'pending' AND next_attempt_at <= $now ORDER BY next_attempt_at, id LIMIT $limit",
    ),
  );
  const takeProbe = raw.prepare<undefined, ClaimRequest>(`
    UPDATE webhooks SET probe_at = $leaseUntil
    WHERE id = $webhookId AND active AND health = 'suspended' AND probe_at <= $now`);
  const renew = raw.prepare<undefined, Claimed & { leaseUntil: number }>(`
    UPDATE outbox_deliveries SET lease_until = $leaseUntil
    WHERE id = $id AND state = 'sending' AND claim = $claim`);
  const putBack = raw.prepare<undefined, Claimed>(`
    UPDATE outbox_deliveries SET state = 'pending', claim = NULL, lease_until = NULL
    WHERE id = $id AND state = 'sending' AND claim = $claim`);
  // One server holds the data folder, so whatever is claimed when it starts was claimed by one that is gone.
  const putAllBack = raw.prepare<undefined, []>(`
    UPDATE outbox_deliveries SET state = 'pending', claim = NULL, lease_until = NULL WHERE state = 'sending'`);

  function claimDue(request: ClaimRequest & { limit: number }): ClaimedDelivery[] {
    if (isReady.get(request.webhookId) === null) return [];
    const held = inOrder(claimHeld.all(request), (row) => row.id);
    const limit = request.limit - held.length;
    const pending = limit > 0 ? inOrder(claimPending.all({ ...request, limit }), (row) => row.dueAt) : [];
    return [...held, ...pending].map((row) => claimed(row, request, false));
  }

  function claimProbe(request: ClaimRequest): ClaimedDelivery | undefined {
    if (takeProbe.run(request).changes === 0) return undefined;
    const [row] = claimHeld.all({ ...request, limit: 1 });
    return row && claimed(row, request, true);
  }

  return {
    reclaimAbandoned: () => write(() => putAllBack.run().changes),
    claimDue: (request) => write(() => claimDue(request)),
    claimProbe: (request) => write(() => claimProbe(request)),
    renewLeases: (deliveries, leaseUntil) =>
      write(() =>
        deliveries.flatMap(({ id, claim }) =>
          renew.run({ id, claim, leaseUntil }).changes === 1 ? [id] : [],
        ),
      ),
    release: (deliveries) =>
      write(() => {
        for (const { id, claim } of deliveries) putBack.run({ id, claim });
      }),
  };
}

function claimWhere(chosen: string): string {
  return `
    UPDATE outbox_deliveries SET state = 'sending', claim = $claim, lease_until = $leaseUntil
    WHERE id IN (SELECT id FROM outbox_deliveries WHERE ${chosen})
    RETURNING id, event_id AS eventId, attempts, next_attempt_at AS dueAt,
      (SELECT body FROM outbox_events WHERE outbox_events.id = event_id) AS body`;
}

/** RETURNING promises no order. */
function inOrder(rows: ClaimedRow[], key: (row: ClaimedRow) => number): ClaimedRow[] {
  return rows.sort((left, right) => key(left) - key(right) || left.id - right.id);
}

function claimed(row: ClaimedRow, { webhookId, claim }: ClaimRequest, probe: boolean): ClaimedDelivery {
  const { id, eventId, attempts, dueAt, body } = row;
  return { id, eventId, webhookId, attempt: attempts + 1, claim, probe, dueAt, body };
}
