import { ApiError } from "../../lib/errors.ts";
import type { Random } from "../../lib/random.ts";
import { randomToken } from "../../lib/random.ts";
import { codePointLength } from "../../lib/text.ts";
import type { SignatureFormat } from "./model.ts";

/** 256 bits, as many as the HMAC-SHA-256 that they key. */
const keyBytes = 32;

const mostOfToken = 256;

/**
 * Standard Webhooks: a key of 24 to 64 bytes (https://github.com/standard-webhooks/standard-webhooks, "Signature
 * scheme").
 */
const standardPattern = /^whsec_((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)$/;
const standardKeyBytes = { least: 24, most: 64 };

/** What a webhook's signing token is bound to when sealed. */
export function tokenBinding(webhookId: string): string {
  return `webhooks.token:${webhookId}`;
}

/** A new signing token in the form that the format signs with. */
export function newSigningToken(format: SignatureFormat, random: Random): string {
  if (format === "cryptlex") return randomToken(random, keyBytes);
  return `whsec_${Buffer.from(random.bytes(keyBytes)).toString("base64")}`;
}

/** Refuses a token that the format cannot sign with. Throws INVALID_REQUEST; never repeats the token. */
export function checkSigningToken(token: string, format: SignatureFormat): void {
  const length = codePointLength(token);
  if (length < 1 || length > mostOfToken) {
    throw new ApiError("INVALID_REQUEST", `A signing token has 1 to ${mostOfToken} characters.`);
  }
  if (format === "cryptlex") return;
  const key = Buffer.from(standardPattern.exec(token)?.[1] ?? "", "base64");
  if (key.length < standardKeyBytes.least || key.length > standardKeyBytes.most) {
    throw new ApiError(
      "INVALID_REQUEST",
      "A signing token of the format standard is whsec_ and the base64 of 24 to 64 bytes: leave it out, and one is generated.",
    );
  }
}
