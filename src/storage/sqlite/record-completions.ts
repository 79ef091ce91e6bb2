import { eq, sql } from "drizzle-orm";
import { type AuditAction, noRequest } from "../../features/audit/model.ts";
import type { WebhookHealth } from "../../features/webhooks/model.ts";
import { newId } from "../../lib/ids.ts";
import type { Random } from "../../lib/random.ts";
import { type HealthState, healthAfter } from "../../outbox/health.ts";
import type { Completion, HealthChange, OutboxStore } from "../../outbox/store.ts";
import { auditWriter } from "./audit.ts";
import type { Connection } from "./open.ts";
import { deliveryAttempts, webhooks } from "./schema.ts";

/** A webhook as one transaction sees it: what it was, and what the completions so far made of it. */
type Judged = { accountId: string; active: boolean; before: HealthState; after: HealthState; at: number };

/** How often a change between healthy and unhealthy is worth an audit entry. */
const flappingIntervalMs = 60_000;

/**
 * The one transaction of a batch of attempts: each delivery's next state, each attempt, each webhook's health and its
 * audit entry.
 */
export function completionRecorder(connection: Connection, random: Random): OutboxStore["complete"] {
  const { db, write } = connection;
  const finish = deliveryFinisher(connection);
  const insertAttempt = attemptWriter(connection);
  const saveHealth = healthWriter(connection, random);
  const webhook = db
    .select()
    .from(webhooks)
    .where(eq(webhooks.id, sql.placeholder("webhookId")))
    .prepare();

  function read(webhookId: string): Judged | undefined {
    const row = webhook.get({ webhookId });
    return row && { accountId: row.accountId, active: row.active, before: row, after: row, at: 0 };
  }

  function completeOne(completion: Completion, judged: Judged): boolean {
    const { delivery, record, outcome, gone } = completion;
    const at = record.answeredAt;
    const after = healthAfter(
      judged.after,
      outcome.kind === "delivered"
        ? outcome
        : { kind: "failed", at, error: record.error ?? "", gone, probe: delivery.probe },
    );
    const ready = judged.active && after.health !== "suspended";
    if (!finish(completion, ready)) return false;
    insertAttempt(completion);
    judged.after = after;
    judged.at = at;
    return true;
  }

  return (completions) =>
    write(() => {
      const judgedById = new Map<string, Judged>();
      let fenced = 0;
      for (const completion of completions) {
        const { webhookId } = completion.delivery;
        const judged = judgedById.get(webhookId) ?? read(webhookId);
        if (judged !== undefined) judgedById.set(webhookId, judged);
        if (judged === undefined || !completeOne(completion, judged)) fenced += 1;
      }
      const healthChanges = [...judgedById].flatMap(([id, judged]) => saveHealth(id, judged) ?? []);
      return { fenced, healthChanges };
    });
}

/** Moves a delivery out of `sending`; false when the claim is no longer its own. */
function deliveryFinisher({ raw }: Connection): (completion: Completion, ready: boolean) => boolean {
  const finish = raw.prepare<
    undefined,
    {
      id: number;
      claim: string;
      state: "delivered" | "dead" | "pending" | "held";
      counted: number;
      nextAttemptAt: number | null;
      endedAt: number | null;
    }
  >(`
    UPDATE outbox_deliveries SET state = $state, attempts = attempts + $counted,
      next_attempt_at = coalesce($nextAttemptAt, next_attempt_at), claim = NULL, lease_until = NULL, ended_at = $endedAt
    WHERE id = $id AND state = 'sending' AND claim = $claim`);

  return ({ delivery: { id, claim, probe }, record: { answeredAt }, outcome }, ready) => {
    const row = { id, claim, counted: 1, nextAttemptAt: null, endedAt: null };
    const ends = () => {
      if (outcome.kind === "delivered") return { ...row, state: "delivered", endedAt: answeredAt } as const;
      if (probe) return { ...row, state: "held", counted: 0 } as const;
      if (outcome.kind === "dead") return { ...row, state: "dead", endedAt: answeredAt } as const;
      return ready
        ? ({ ...row, state: "pending", nextAttemptAt: outcome.at } as const)
        : ({ ...row, state: "held", nextAttemptAt: answeredAt } as const);
    };
    return finish.run(ends()).changes === 1;
  };
}

function attemptWriter({ db }: Connection): (completion: Completion) => void {
  const insert = db
    .insert(deliveryAttempts)
    .values({
      deliveryId: sql.placeholder("deliveryId"),
      attempt: sql.placeholder("attempt"),
      sentAt: sql.placeholder("sentAt"),
      answeredAt: sql.placeholder("answeredAt"),
      status: sql.placeholder("status"),
      error: sql.placeholder("error"),
      reason: sql.placeholder("reason"),
      answer: sql.placeholder("answer"),
    })
    .prepare();
  return ({ delivery, record }) => {
    insert.run({
      deliveryId: delivery.id,
      attempt: record.attempt,
      sentAt: record.sentAt,
      answeredAt: record.answeredAt,
      status: record.status ?? null,
      error: record.error ?? null,
      reason: record.reason ?? null,
      answer: record.answer ?? null,
    });
  };
}

/**
 * Writes what became of a webhook's health, if anything did. Returns the change between healthy, unhealthy and
 * suspended.
 */
function healthWriter(
  connection: Connection,
  random: Random,
): (webhookId: string, judged: Judged) => HealthChange | undefined {
  const save = connection.raw.prepare<undefined, HealthState & { webhookId: string }>(`
    UPDATE webhooks SET health = $health, health_reason = $healthReason, failures = $failures, failing_since = $failingSince,
      suspended_at = $suspendedAt, probe_at = $probeAt, probes = $probes
    WHERE id = $webhookId`);
  const writeAudit = auditWriter(connection);
  const isNews = auditGate(connection);

  return (webhookId, { accountId, before, after, at }) => {
    const stillHealthy = before.health === "healthy" && after.health === "healthy" && before.failures === 0;
    if (before === after || stillHealthy) return undefined;
    const { health, healthReason, failures, failingSince, suspendedAt, probeAt, probes } = after;
    save.run({ webhookId, health, healthReason, failures, failingSince, suspendedAt, probeAt, probes });
    const action = actionOf(before.health, health);
    if (action !== undefined && isNews(webhookId, action, at)) {
      const details = { reason: healthReason, failures };
      const target = { kind: "webhook", id: webhookId } as const;
      const id = newId(random, at);
      writeAudit({ id, accountId, at, action, actor: "server", target, from: noRequest, details });
    }
    return before.health === health
      ? undefined
      : { webhookId, from: before.health, to: health, reason: healthReason };
  };
}

function actionOf(from: WebhookHealth, to: WebhookHealth): AuditAction | undefined {
  // Not only when it becomes so: the entry may have had to wait.
  if (to === "unhealthy") return "webhook.unhealthy";
  if (from === to) return undefined;
  if (to === "suspended") return "webhook.suspended";
  return from === "suspended" ? "webhook.resumed" : "webhook.recovered";
}

/**
 * Whether an audit entry tells something new. A receiver that fails now and then turns unhealthy and back several
 * times a second: of these the log gets one pair a minute, and what lasts is told in any case.
 */
function auditGate({ raw }: Connection): (webhookId: string, action: AuditAction, at: number) => boolean {
  const lastEntry = raw.prepare<{ action: string; at: number }, [string]>(`
    SELECT action, at FROM audit_log
    WHERE target_kind = 'webhook' AND target_id = ?
      AND action IN ('webhook.unhealthy', 'webhook.recovered', 'webhook.suspended', 'webhook.resumed')
    ORDER BY at DESC, rowid DESC LIMIT 1`);
  return (webhookId, action, at) => {
    if (action === "webhook.suspended" || action === "webhook.resumed") return true;
    const last = lastEntry.get(webhookId);
    if (action === "webhook.recovered") return last?.action === "webhook.unhealthy";
    return last === null || (last.action !== "webhook.unhealthy" && at - last.at >= flappingIntervalMs);
  };
}
