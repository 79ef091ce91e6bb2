import { isoTime } from "../../lib/clock.ts";

/** Events that a webhook can subscribe to. */
export const eventNames = [
  "account.logged-in",
  "session.reuse-detected",
  "two-factor.enabled",
  "two-factor.disabled",
  "two-factor.recovery-code-used",
  "user.updated",
] as const;
export type EventName = (typeof eventNames)[number];

/** How deliveries are signed: see docs/webhooks.md. */
export const signatureFormats = ["cryptlex", "standard"] as const;
export type SignatureFormat = (typeof signatureFormats)[number];

export type WebhookHealth = "healthy" | "unhealthy" | "suspended";

/** Webhooks of one account at most: each login writes a row for each subscribed one. */
export const mostWebhooksOfAnAccount = 100;

/** A webhook as everybody sees it: without its signing token, which is shown once, when it is made. */
export type Webhook = {
  id: string;
  accountId: string;
  name: string;
  url: string;
  active: boolean;
  events: EventName[];
  signatureFormat: SignatureFormat;
  health: WebhookHealth;
  healthReason: string;
  suspendedAt: number | null;
  createdAt: number;
  updatedAt: number;
};

/** A webhook as the API and `--json` show it. */
export function webhookJson(webhook: Webhook) {
  return {
    id: webhook.id,
    name: webhook.name,
    url: webhook.url,
    active: webhook.active,
    events: webhook.events,
    signatureFormat: webhook.signatureFormat,
    health: webhook.health,
    healthReason: webhook.healthReason,
    suspendedAt: webhook.suspendedAt === null ? null : isoTime(webhook.suspendedAt),
    createdAt: isoTime(webhook.createdAt),
    updatedAt: isoTime(webhook.updatedAt),
  };
}
