import type { EventCursor, RetentionStore } from "../../outbox/retention.ts";
import type { Connection } from "./open.ts";

type Candidate = { id: string; createdAt: number; over: number };

/** The answers to the questions of `outbox/retention.ts`. */
export function retentionStore({ raw, write }: Connection): RetentionStore {
  // Read in the order of an index from where the last slice ended: what must stay, however much it is, is passed once
  // a sweep.
  const candidates = raw.prepare<
    Candidate,
    { createdAt: number; id: string; before: number; deadBefore: number; limit: number }
  >(`
    SELECT id, created_at AS createdAt, NOT EXISTS (
      SELECT 1 FROM outbox_deliveries WHERE event_id = outbox_events.id
        AND (state IN ('pending', 'sending', 'held') OR (state = 'dead' AND ended_at >= $deadBefore))
    ) AS over
    FROM outbox_events
    WHERE (created_at, id) > ($createdAt, $id) AND created_at < $before
    ORDER BY created_at, id LIMIT $limit`);
  const forgetEvent = raw.prepare<undefined, [string]>("DELETE FROM outbox_events WHERE id = ?");
  const forgetEnded = raw.prepare<{ id: string }, { before: number; limit: number }>(`
    DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE ended_at < $before LIMIT $limit) RETURNING id`);
  const forgetExpired = raw.prepare<{ id: string }, { before: number; limit: number }>(`
    DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at < $before LIMIT $limit) RETURNING id`);

  return {
    forgetEvents: ({ cursor, before, deadBefore, limit }) =>
      write(() => {
        const { createdAt, id }: EventCursor = cursor ?? { createdAt: 0, id: "" };
        const slice = candidates.all({ createdAt, id, before, deadBefore, limit });
        const over = slice.filter((candidate) => candidate.over === 1);
        for (const event of over) forgetEvent.run(event.id);
        const last = slice.length < limit ? undefined : slice.at(-1);
        return {
          forgotten: over.length,
          cursor: last === undefined ? null : { createdAt: last.createdAt, id: last.id },
        };
      }),
    forgetSessions: ({ before, limit }) =>
      write(() => {
        const ended = forgetEnded.all({ before, limit }).length;
        return ended + forgetExpired.all({ before, limit: limit - ended }).length;
      }),
  };
}
