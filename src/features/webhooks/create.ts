import type { Clock } from "../../lib/clock.ts";
import { newId } from "../../lib/ids.ts";
import type { Random } from "../../lib/random.ts";
import type { Secrets } from "../../lib/secrets.ts";
import { type AuditEntry, noRequest } from "../audit/model.ts";
import { checkWebhookName, readEventNames, readSignatureFormat } from "./check.ts";
import type { Webhook } from "./model.ts";
import type { WebhookStore } from "./store.ts";
import { checkSigningToken, newSigningToken, tokenBinding } from "./token.ts";

export type WebhookDeps = {
  store: WebhookStore;
  secrets: Secrets;
  clock: Clock;
  random: Random;
  /** Throws INVALID_REQUEST for a URL that deliveries would be refused to: the outbox knows where it may send. */
  checkUrl(url: string): void;
};

export type NewWebhookRequest = {
  accountId: string;
  name: string;
  url: string;
  events: readonly string[];
  /** `cryptlex` if absent. */
  signatureFormat?: string | undefined;
  /** Generated if absent. */
  token?: string | undefined;
  actor: AuditEntry["actor"];
};

/**
 * Makes a webhook, healthy and active. The token is returned this once and kept sealed.
 * Throws INVALID_REQUEST for a bad name, URL, event, format or token, CONFLICT when the account has too many webhooks.
 */
export async function createWebhook(
  deps: WebhookDeps,
  request: NewWebhookRequest,
): Promise<{ webhook: Webhook; token: string }> {
  const { accountId, name, url, actor } = request;
  checkWebhookName(name);
  const signatureFormat = readSignatureFormat(request.signatureFormat ?? "cryptlex");
  const events = readEventNames(request.events);
  const token = request.token ?? newSigningToken(signatureFormat, deps.random);
  checkSigningToken(token, signatureFormat);
  deps.checkUrl(url);
  const now = deps.clock.now();
  const id = newId(deps.random, now);
  const sealedToken = deps.secrets.seal(token, tokenBinding(id));
  const webhook = await deps.store.createWebhook(
    { id, accountId, name, url, active: true, events, signatureFormat, sealedToken, createdAt: now },
    {
      id: newId(deps.random, now),
      accountId,
      at: now,
      action: "webhook.created",
      actor,
      target: { kind: "webhook", id },
      from: noRequest,
      details: { name, signatureFormat },
    },
  );
  return { webhook, token };
}
