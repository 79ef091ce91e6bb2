/** Events that a webhook can subscribe to. */
export const eventNames = ["account.logged-in"] as const;
export type EventName = (typeof eventNames)[number];

/** How deliveries are signed: see docs/webhooks.md. */
export const signatureFormats = ["cryptlex", "standard"] as const;
export type SignatureFormat = (typeof signatureFormats)[number];

export type WebhookHealth = "healthy" | "unhealthy" | "suspended";

/** Webhooks of one account at most: each login writes a row for each subscribed one. */
export const mostWebhooksOfAnAccount = 100;
