import type { Clock } from "../lib/clock.ts";
import type { Network } from "../lib/networks.ts";
import { type Outbound, type OutboundAnswer, OutboundError } from "../lib/outbound.ts";
import type { Random } from "../lib/random.ts";
import { version } from "../lib/version.ts";
import { refusalOfTarget } from "./address-guard.ts";
import { nextAttempt, readRetryAfter } from "./schedule.ts";
import { sign } from "./sign.ts";
import type { ClaimedDelivery, Completion, DeliveryTarget, OutboxStore } from "./store.ts";

/** One attempt in all, in ms: resolving the name, connecting, sending and reading. */
export const attemptLimitMs = 15_000;

/** What is read and, of a failed attempt, kept of an answer. */
export const mostAnswerBytes = 4_096;

export type DeliverDeps = {
  store: Pick<OutboxStore, "findTarget">;
  outbound: Outbound;
  clock: Clock;
  random: Random;
  /** The wait before each attempt, in ms. */
  schedule: readonly number[];
  /** Networks that the operator opened to deliveries. */
  networks: readonly Network[];
};

/** An attempt that was made. `tookMs` is a duration, whatever was done to the clock meanwhile. */
type Sent = {
  delivery: ClaimedDelivery;
  sentAt: number;
  tookMs: number;
  answer: OutboundAnswer | OutboundError;
};

/** How a claimed delivery's turn ended. */
export type Ending =
  | { kind: "judged"; completion: Completion; tookMs: number; retryAfterMs: number }
  /** It was not sent, or the attempt does not count: it waits as before. */
  | { kind: "put-back"; because: "given-up" | "not-ready" }
  /** The webhook is gone, and the delivery with it. */
  | { kind: "forgotten" };

/** One attempt: claimed, sent, judged. `signal` gives it up. Throws what storage throws. */
export function makeDeliver(
  deps: DeliverDeps,
): (delivery: ClaimedDelivery, signal: AbortSignal) => Promise<Ending> {
  return async (delivery, signal) => {
    const target = await deps.store.findTarget(delivery.webhookId);
    if (target === undefined) return { kind: "forgotten" };
    const ready = target.active && (target.health !== "suspended" || delivery.probe);
    if (!ready) return { kind: "put-back", because: "not-ready" };
    const sent = await send(deps, delivery, target, signal);
    if (sent.answer instanceof OutboundError && sent.answer.failure === "given-up")
      return { kind: "put-back", because: "given-up" };
    return judge(deps, sent);
  };
}

async function send(
  { outbound, clock, networks }: DeliverDeps,
  delivery: ClaimedDelivery,
  target: DeliveryTarget,
  signal: AbortSignal,
): Promise<Sent> {
  const sentAt = clock.now();
  const begun = clock.monotonic();
  const body = Buffer.from(delivery.body);
  let answer: Sent["answer"];
  try {
    answer = await outbound.post({
      url: new URL(target.url),
      headers: headersOf(delivery, target, body, Math.floor(sentAt / 1_000)),
      body,
      judge: (url, addresses) => refusalOfTarget(url, addresses, networks),
      signal,
    });
  } catch (error) {
    if (!(error instanceof OutboundError)) throw error;
    answer = error;
  }
  return { delivery, sentAt, tookMs: clock.monotonic() - begun, answer };
}

function headersOf(
  { eventId, attempt }: ClaimedDelivery,
  { signatureFormat, tokens }: DeliveryTarget,
  body: Uint8Array,
  timestamp: number,
): Record<string, string> {
  return {
    "Content-Type": "application/json",
    "User-Agent": `Postern/${version}`,
    "Webhook-Id": eventId,
    "Webhook-Timestamp": String(timestamp),
    "Webhook-Signature": sign(signatureFormat, tokens, { id: eventId, timestamp, body }),
    "Webhook-Attempt": String(attempt),
  };
}

function judge(deps: DeliverDeps, sent: Sent): Ending {
  const { delivery, sentAt, tookMs, answer } = sent;
  const answeredAt = sentAt + Math.round(tookMs);
  const status = answer instanceof OutboundError ? undefined : answer.status;
  const error = errorOf(answer);
  const made = { attempt: delivery.attempt, sentAt, answeredAt, status, error };
  if (error === undefined) {
    const record = { ...made, reason: undefined, answer: undefined };
    const completion = { delivery, record, outcome: { kind: "delivered" }, gone: false } as const;
    return { kind: "judged", completion, tookMs, retryAfterMs: 0 };
  }
  const retryAfterMs = askedToWait(answer, answeredAt);
  const at = nextAttempt(deps.schedule, delivery.attempt, answeredAt, deps.random.fraction(), retryAfterMs);
  const reason = reasonOf(delivery, deps.schedule.length, at !== undefined, retryAfterMs);
  const record = { ...made, reason, answer: textOf(answer) };
  const outcome = at === undefined ? ({ kind: "dead" } as const) : ({ kind: "retry", at } as const);
  const completion = { delivery, record, outcome, gone: status === 410 };
  return { kind: "judged", completion, tookMs, retryAfterMs };
}

/**
 * How long a receiver asked to be left alone, in ms. Only with 429 and 503: on a redirect the header means something
 * else.
 */
function askedToWait(answer: Sent["answer"], now: number): number {
  if (answer instanceof OutboundError || (answer.status !== 429 && answer.status !== 503)) return 0;
  return readRetryAfter(answer.headers.get("retry-after"), now) ?? 0;
}

function textOf(answer: Sent["answer"]): string | undefined {
  return answer instanceof OutboundError ? undefined : new TextDecoder().decode(answer.start);
}

/** Why the attempt failed, in a sentence; undefined if it did not. Success is 2xx and nothing else. */
function errorOf(answer: Sent["answer"]): string | undefined {
  if (answer instanceof OutboundError) return answer.message;
  const { status } = answer;
  if (status >= 200 && status < 300) return undefined;
  if (status >= 300 && status < 400)
    return `The receiver answered ${status}: redirects are not followed, so give the webhook the URL they lead to.`;
  return `The receiver answered ${status}.`;
}

function reasonOf(
  { attempt, probe }: ClaimedDelivery,
  attempts: number,
  retried: boolean,
  retryAfterMs: number,
): string {
  if (probe) return "It was a probe of a suspended webhook: the delivery is held, and another probe follows.";
  if (!retried) return `It was the last of ${attempts} attempts.`;
  const next = `Attempt ${attempt + 1} of ${attempts} follows.`;
  return retryAfterMs > 0 ? `${next} The receiver asked to wait ${Math.ceil(retryAfterMs / 1_000)} s.` : next;
}
