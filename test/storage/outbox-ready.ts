import type { NewWebhook } from "../../src/features/webhooks/store.ts";
import { newEventId } from "../../src/lib/ids.ts";
import { randomToken, systemRandom } from "../../src/lib/random.ts";
import type { Claimed, ClaimedDelivery, ClaimRequest, Completion } from "../../src/outbox/store.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { makeWebhook, now, type OpenStorage } from "./contract.ts";
import { loginOf, minute, type Ready, readyOf } from "./login-ready.ts";

export const leaseMs = 30_000;

/** An account with one user, whose logins are told to one webhook. */
export type ReadyOutbox = Ready & {
  webhook: NewWebhook;
  outbox: Storage["outbox"];
  /** Records a login at a time: one delivery for each webhook of the account. Returns the event's id. */
  login(at?: number): Promise<string>;
  /** Claims what is due of the webhook. */
  claim(given?: Partial<ClaimRequest & { limit: number }>): Promise<ClaimedDelivery[]>;
  /** Claims what is due of the webhook and fails it: with 410 if `gone`. */
  fail(at: number, given?: { gone?: boolean }): Promise<void>;
};
export type OpenOutbox = () => Promise<ReadyOutbox>;

export function outboxReadyOf(open: OpenStorage): OpenOutbox {
  return async () => {
    const ready = await readyOf(open)();
    const { outbox } = ready.storage;
    const webhook = await makeWebhook(ready.storage, { accountId: ready.account.id });
    const claim: ReadyOutbox["claim"] = (given = {}) =>
      outbox.claimDue({ ...claimOf(webhook.id, given.now), limit: 100, ...given });
    return {
      ...ready,
      webhook,
      outbox,
      claim,
      async login(at = now) {
        const login = loginOf(ready, { now: at, eventId: newEventId(systemRandom, at) });
        await ready.storage.login.recordLogin(login);
        return login.eventId;
      },
      async fail(at, { gone = false } = {}) {
        const claimed = await claim({ now: at });
        await outbox.complete(claimed.map((delivery) => failed(delivery, at, { gone })));
      },
    };
  };
}

export function claimOf(webhookId: string, at = now): ClaimRequest {
  return { webhookId, claim: randomToken(systemRandom), now: at, leaseUntil: at + leaseMs };
}

/** The end of an attempt that was answered 200 at a time. */
export function delivered(delivery: ClaimedDelivery, at = now): Completion {
  return {
    delivery,
    record: {
      attempt: delivery.attempt,
      sentAt: at - 20,
      answeredAt: at,
      status: 200,
      error: undefined,
      reason: undefined,
      answer: undefined,
    },
    outcome: { kind: "delivered" },
    gone: false,
  };
}

/** The end of an attempt that was answered 500, or 410 if `gone`, at a time. The next one follows a minute later unless it is said when, or never. */
export function failed(
  delivery: ClaimedDelivery,
  at = now,
  { gone = false, retryAt = at + minute }: { gone?: boolean; retryAt?: number | "never" } = {},
): Completion {
  const status = gone ? 410 : 500;
  return {
    delivery,
    record: {
      attempt: delivery.attempt,
      sentAt: at - 20,
      answeredAt: at,
      status,
      error: `The receiver answered ${status}.`,
      reason: "Another attempt follows.",
      answer: "oh no",
    },
    outcome: retryAt === "never" ? { kind: "dead" } : { kind: "retry", at: retryAt },
    gone,
  };
}

export const idsOf = (deliveries: readonly Claimed[]): number[] => deliveries.map(({ id }) => id);
