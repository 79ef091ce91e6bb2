import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  hkdfSync,
  timingSafeEqual,
} from "node:crypto";
import { OperatorError } from "./errors.ts";
import type { Random } from "./random.ts";

/** 32 bytes: AES-256 and HMAC-SHA-256 keys alike. */
export const serverKeyBytes = 32;

const nonceBytes = 12;
const tagBytes = 16;
/** A first byte that says how the rest is sealed, so that another cipher can follow without guessing. */
const sealVersion = 1;

/** What a subkey is for. Each use has a key of its own: a value made for one can never pass for another. */
export type SubkeyPurpose =
  | "encryption-at-rest"
  | "refresh-token"
  | "recovery-code"
  | "login-identity"
  | "enrolment-ticket"
  | "key-check";

/** The secrets of one server: everything is derived from the server key, which itself is never used directly. */
export type Secrets = {
  /** The subkey of a purpose (HKDF-SHA-256, RFC 5869), 32 bytes. */
  subkey(purpose: SubkeyPurpose): Uint8Array;
  /** HMAC-SHA-256 under the purpose's subkey, 32 bytes. */
  mac(purpose: SubkeyPurpose, message: string | Uint8Array): Buffer;
  /**
   * Encrypts a secret for the database (AES-256-GCM). `boundTo` names the row and column, and is authenticated: a
   * ciphertext copied to another row does not open there.
   */
  seal(plaintext: string | Uint8Array, boundTo: string): Buffer;
  /**
   * Opens what `seal` made. Throws OperatorError when the key, the row or the bytes are not the ones it was sealed
   * with.
   */
  open(sealed: Uint8Array, boundTo: string): Buffer;
};

/** Derives all secrets of a server from its 32-byte key. */
export function makeSecrets(serverKey: Uint8Array, random: Random): Secrets {
  const subkeys = new Map<SubkeyPurpose, Uint8Array>();
  const subkey = (purpose: SubkeyPurpose): Uint8Array => {
    const known = subkeys.get(purpose);
    if (known !== undefined) return known;
    const derived = new Uint8Array(hkdfSync("sha256", serverKey, "", `postern/${purpose}`, serverKeyBytes));
    subkeys.set(purpose, derived);
    return derived;
  };
  return {
    subkey,
    mac: (purpose, message) => createHmac("sha256", subkey(purpose)).update(message).digest(),
    seal(plaintext, boundTo) {
      const nonce = random.bytes(nonceBytes);
      const cipher = createCipheriv("aes-256-gcm", subkey("encryption-at-rest"), nonce);
      cipher.setAAD(Buffer.from(boundTo));
      const body = Buffer.concat([cipher.update(Buffer.from(plaintext)), cipher.final()]);
      return Buffer.concat([Buffer.of(sealVersion), nonce, body, cipher.getAuthTag()]);
    },
    open(sealed, boundTo) {
      try {
        if (sealed[0] !== sealVersion) throw new Error("unknown seal version");
        const bytes = Buffer.from(sealed);
        const nonce = bytes.subarray(1, 1 + nonceBytes);
        const decipher = createDecipheriv("aes-256-gcm", subkey("encryption-at-rest"), nonce, {
          authTagLength: tagBytes,
        });
        decipher.setAAD(Buffer.from(boundTo));
        decipher.setAuthTag(bytes.subarray(bytes.length - tagBytes));
        return Buffer.concat([
          decipher.update(bytes.subarray(1 + nonceBytes, bytes.length - tagBytes)),
          decipher.final(),
        ]);
      } catch {
        throw new OperatorError(
          `The secret of ${boundTo} cannot be decrypted: the server key or the database is not the one it was made with.`,
        );
      }
    },
  };
}

/**
 * SHA-256 as hex: how a random token of 256 bits is kept. One that cannot be guessed needs neither salt nor a slow
 * hash.
 */
export function sha256Hex(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Compares two secrets in a time that does not depend on where they differ. */
export function equalSecrets(left: string | Uint8Array, right: string | Uint8Array): boolean {
  const leftBytes = Buffer.from(left);
  const rightBytes = Buffer.from(right);
  return leftBytes.length === rightBytes.length && timingSafeEqual(leftBytes, rightBytes);
}
