import { equalSecrets, type Secrets } from "../../lib/secrets.ts";

/** What a refresh token names: a session, and how often its token was rotated. */
export type RefreshToken = { sessionId: string; generation: number };

const prefix = "ptr_";
const idBytes = 16;
const generationBytes = 4;
const macBytes = 32;

/**
 * The refresh token of a session's generation: `ptr_` and base64url of session id, generation and an HMAC-SHA-256
 * over both. It is recomputed, never stored: a stolen database holds none, and the token of the current generation
 * can be told again after a lost answer.
 */
export function writeRefreshToken(secrets: Secrets, { sessionId, generation }: RefreshToken): string {
  const body = Buffer.alloc(idBytes + generationBytes);
  body.write(sessionId.replaceAll("-", ""), "hex");
  body.writeUInt32BE(generation, idBytes);
  return prefix + Buffer.concat([body, secrets.mac("refresh-token", body)]).toString("base64url");
}

/**
 * Reads a genuine refresh token; undefined for everything else, which ends no session: knowing a session's id gives
 * no power over it.
 */
export function readRefreshToken(secrets: Secrets, token: string): RefreshToken | undefined {
  if (!token.startsWith(prefix)) return undefined;
  const encoded = token.slice(prefix.length);
  const bytes = Buffer.from(encoded, "base64url");
  // One token has one spelling: base64url's spare bits and foreign characters are not ignored.
  if (bytes.length !== idBytes + generationBytes + macBytes || bytes.toString("base64url") !== encoded)
    return undefined;
  const body = bytes.subarray(0, idBytes + generationBytes);
  if (!equalSecrets(bytes.subarray(idBytes + generationBytes), secrets.mac("refresh-token", body)))
    return undefined;
  const hex = body.toString("hex", 0, idBytes);
  const sessionId = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join("-");
  return { sessionId, generation: body.readUInt32BE(idBytes) };
}
