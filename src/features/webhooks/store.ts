import type { AuditEntry } from "../audit/model.ts";
import type { Webhook } from "./model.ts";

/** A webhook to be made, with its signing token sealed. */
export type NewWebhook = Omit<Webhook, "health" | "healthReason" | "suspendedAt" | "updatedAt"> & {
  sealedToken: Uint8Array;
};

export type WebhookStore = {
  /** Throws CONFLICT when the account has as many webhooks as it may (mostWebhooksOfAnAccount). */
  createWebhook(webhook: NewWebhook, audit: AuditEntry): Promise<Webhook>;
  /**
   * Webhooks of one account in the order of their ids, without their tokens, a page at a time: those after `afterId`.
   */
  listWebhooks(accountId: string, page: { afterId: string; limit: number }): Promise<Webhook[]>;
};
