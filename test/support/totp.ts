import { createHmac } from "node:crypto";

/** A user's TOTP secret in base32, as an authenticator app is given it: RFC 6238's own, `12345678901234567890`. */
export const totpSecret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const stepMs = 30_000;

/** The code that an authenticator app shows at a time (RFC 6238 with SHA-1, six digits), written anew: the product's own cannot vouch for itself. */
export function authenticatorCode(secret: string, time: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(time / stepMs)));
  const mac = createHmac("sha1", fromBase32(secret)).update(counter).digest();
  const offset = mac.readUInt8(mac.length - 1) & 15;
  return String((mac.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

function fromBase32(text: string): Buffer {
  const bits = [...text]
    .map((character) => alphabet.indexOf(character).toString(2).padStart(5, "0"))
    .join("");
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}
