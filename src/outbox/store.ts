import type { SignatureFormat, WebhookHealth } from "../features/webhooks/model.ts";

/** What the loop asks of storage. Every transition out of `sending` is fenced on the delivery's id, state and claim. */
export type OutboxStore = {
  /**
   * Puts back what a dead owner had claimed; returns how many. Asked once, before the first claim: where one server
   * holds the storage, everything that is claimed; where several share it, what is past its lease.
   */
  reclaimAbandoned(now: number): Promise<number>;
  /**
   * What is to be done for which webhook, and when: of those given, or of all. Reads a few index entries a webhook,
   * however many deliveries wait, and lets others run between webhooks. A webhook with nothing to do is not in the
   * answer.
   */
  nextDue(webhookIds?: readonly string[]): Promise<DueWork[]>;
  /**
   * Claims up to `limit` deliveries of a webhook that is ready (active, and not suspended) in one commit: first those
   * that were held, then those that are due, the oldest first. None if the webhook is no longer ready.
   */
  claimDue(request: ClaimRequest & { limit: number }): Promise<ClaimedDelivery[]>;
  /**
   * Of a suspended webhook whose probe is due: claims its oldest held delivery. No other probe is due before the
   * lease ends.
   */
  claimProbe(request: ClaimRequest): Promise<ClaimedDelivery | undefined>;
  /** Holds up to `limit` waiting deliveries of a webhook that is not ready; returns how many it were. */
  hold(webhookId: string, now: number, limit: number): Promise<number>;
  /** Makes dead up to `limit` deliveries that are held since `since` or longer; returns how many it were. */
  expireHeld(since: number, now: number, limit: number): Promise<number>;
  /**
   * Extends the leases of claimed deliveries that wait for their turn. Returns the ids of those that are still ours.
   */
  renewLeases(claimed: readonly Claimed[], leaseUntil: number): Promise<number[]>;
  /** Where deliveries of a webhook go, read at each attempt: a changed URL applies to what waits. */
  findTarget(webhookId: string): Promise<DeliveryTarget | undefined>;
  /**
   * Records the ends of attempts, and what they mean for the health of their webhooks, in one transaction. A
   * completion whose claim is no longer the delivery's changes nothing.
   */
  complete(completions: readonly Completion[]): Promise<CompletionSummary>;
  /** Puts claimed deliveries back as if they had never been claimed. */
  release(claimed: readonly Claimed[]): Promise<void>;
  /**
   * Deliveries by state, for metrics. Each is counted up to `countedAtMost`, so that asking costs milliseconds at any
   * size.
   */
  countByState(): Promise<Record<"pending" | "sending" | "held" | "dead", number>>;
};

export const countedAtMost = 100_000;

export type DueWork = {
  webhookId: string;
  health: WebhookHealth;
  /**
   * `send`: deliveries of a ready webhook; `probe`: the oldest one of a suspended webhook; `hold`: what still waits
   * of a webhook that is not ready.
   */
  work: "send" | "probe" | "hold";
  /** In ms; may be past. */
  dueAt: number;
};

export type ClaimRequest = { webhookId: string; claim: string; now: number; leaseUntil: number };

/** What a transition is fenced on, beside the state. */
export type Claimed = { id: number; claim: string };

export type ClaimedDelivery = Claimed & {
  eventId: string;
  webhookId: string;
  /** The number of the attempt that this claim is for: 1 is the first. */
  attempt: number;
  /** Whether this is the probe of a suspended webhook, which uses up no attempt. */
  probe: boolean;
  dueAt: number;
  body: string;
};

export type DeliveryTarget = {
  active: boolean;
  health: WebhookHealth;
  url: string;
  signatureFormat: SignatureFormat;
  /** The signing tokens in the clear, the newest first: in memory only, for the time of the signature. */
  tokens: readonly [string, ...string[]];
};

/** What happened in one attempt, as it is kept. Times in ms. */
export type AttemptRecord = {
  attempt: number;
  sentAt: number;
  answeredAt: number;
  status: number | undefined;
  /** Why it failed, in a sentence; undefined when it did not. */
  error: string | undefined;
  /** Why there will be another attempt, or none; undefined when it did not fail. */
  reason: string | undefined;
  /** The first 4 KiB of a failed attempt's answer. */
  answer: string | undefined;
};

export type Completion = {
  delivery: ClaimedDelivery;
  record: AttemptRecord;
  /** What becomes of the delivery. A failed probe is held as before, whatever this says. */
  outcome: { kind: "delivered" } | { kind: "retry"; at: number } | { kind: "dead" };
  /** Whether the receiver answered that it wants no more (410). */
  gone: boolean;
};

export type HealthChange = {
  webhookId: string;
  from: WebhookHealth;
  to: WebhookHealth;
  reason: string;
};

export type CompletionSummary = {
  /** How many completions changed nothing: their claims were lost. */
  fenced: number;
  healthChanges: HealthChange[];
};
