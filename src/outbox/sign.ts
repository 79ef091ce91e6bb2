import { createHmac } from "node:crypto";
import type { SignatureFormat } from "../features/webhooks/model.ts";

/** What a signature is made over. The body is the bytes that are sent, not their text. */
export type SignedMessage = {
  /** The event's id. */
  id: string;
  /** Seconds since the Unix epoch. */
  timestamp: number;
  body: Uint8Array;
};

/**
 * The value of `Webhook-Signature`. `tokens` are the webhook's, newest first: the format `standard` signs with each,
 * so that a receiver accepts either during a rotation; `cryptlex` has room for one signature and uses the newest.
 */
export function sign(
  format: SignatureFormat,
  tokens: readonly [string, ...string[]],
  message: SignedMessage,
): string {
  if (format === "cryptlex") return signBody(tokens[0], message.body);
  return tokens.map((token) => signStandard(token, message)).join(" ");
}

/**
 * Base64 of HMAC-SHA256 over the raw body alone, keyed with the token's UTF-8 bytes: what receivers of Cryptlex
 * webhooks check.
 */
function signBody(token: string, body: Uint8Array): string {
  return createHmac("sha256", token).update(body).digest("base64");
}

/**
 * Standard Webhooks, symmetric (https://github.com/standard-webhooks/standard-webhooks, "Signature scheme"): `v1,`
 * and base64 of HMAC-SHA256 over `id.timestamp.body`, keyed with what stands in base64 after `whsec_`.
 */
function signStandard(token: string, { id, timestamp, body }: SignedMessage): string {
  const key = Buffer.from(token.replace(/^whsec_/, ""), "base64");
  return `v1,${createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest("base64")}`;
}
