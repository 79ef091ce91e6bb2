import type { SignatureFormat, WebhookHealth } from "../features/webhooks/model.ts";

/** What the loop asks of storage. Every transition out of `sending` is fenced on the delivery's id, state and claim. */
export type OutboxStore = {
  /** The loop's owner, after it took the data folder: puts back what a dead server had claimed. Returns how many. */
  reclaimAbandoned(now: number): Promise<number>;
  /**
   * Of each webhook that has deliveries waiting (or, while suspended, a probe due): when its first is due. Reads one index
   * entry a webhook, however many rows wait. With `webhookIds`: of those alone.
   */
  nextDue(webhookIds?: readonly string[]): Promise<DueWebhook[]>;
  /** Claims up to `limit` due deliveries of one webhook in one commit, oldest due first. */
  claimDue(request: ClaimRequest): Promise<ClaimedDelivery[]>;
  /** Of a suspended webhook whose probe is due: claims its oldest held delivery. Nothing if it is not (or no longer) so. */
  claimProbe(request: Omit<ClaimRequest, "limit">): Promise<ClaimedDelivery | undefined>;
  /** Extends the leases of claimed deliveries that wait for their turn. Returns the ids that are still ours. */
  renewLeases(claim: string, deliveryIds: readonly number[], leaseUntil: number): Promise<number[]>;
  /** Where deliveries of a webhook go, read at each attempt: a changed URL applies to what waits. */
  findTarget(webhookId: string): Promise<DeliveryTarget | undefined>;
  /**
   * Records the ends of attempts, and what they mean for the webhooks' health, in one transaction. A completion whose claim is no longer the
   * row's changes nothing. Returns how many were fenced off.
   */
  complete(completions: readonly Completion[], now: number): Promise<CompletionSummary>;
  /** Puts claimed deliveries back as if they had never been claimed (shutdown, or a webhook that was paused meanwhile). */
  release(claim: string, deliveryIds: readonly number[]): Promise<void>;
  /** Rows by state, for metrics; counted by index, in bounded time. */
  countByState(): Promise<Record<"pending" | "sending" | "held" | "dead", number>>;
};

export type DueWebhook = { webhookId: string; dueAt: number; health: WebhookHealth };

export type ClaimRequest = {
  webhookId: string;
  claim: string;
  now: number;
  leaseUntil: number;
  limit: number;
};

export type ClaimedDelivery = {
  id: number;
  eventId: string;
  webhookId: string;
  /** The number of the attempt that this claim is for: 1 is the first. */
  attempt: number;
  claim: string;
  /** Whether this is the probe of a suspended webhook, which uses up no attempt. */
  probe: boolean;
  body: string;
};

export type DeliveryTarget = {
  webhookId: string;
  accountId: string;
  active: boolean;
  health: WebhookHealth;
  url: string;
  /** The signing token in the clear: in memory only, for the time of the signature. */
  token: string;
  signatureFormat: SignatureFormat;
};

/** What happened in one attempt, as it is kept. */
export type AttemptRecord = {
  attempt: number;
  sentAt: number;
  answeredAt: number;
  status: number | undefined;
  /** Why it failed, in a sentence; undefined when it did not. */
  error: string | undefined;
  /** Why there will be another attempt, or none. */
  reason: string | undefined;
  /** The first 4 KiB of a failed attempt's answer. */
  answer: string | undefined;
};

export type Completion = {
  delivery: Pick<ClaimedDelivery, "id" | "claim" | "webhookId" | "probe">;
  record: AttemptRecord;
  outcome: { kind: "delivered" } | { kind: "retry"; at: number } | { kind: "dead" } | { kind: "gone" };
};

export type HealthChange = { webhookId: string; accountId: string; health: WebhookHealth; reason: string };

export type CompletionSummary = { fenced: number; healthChanges: HealthChange[] };
