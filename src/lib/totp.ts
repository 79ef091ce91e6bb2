import { Secret, TOTP } from "otpauth";

/** What every authenticator app reads: RFC 6238 with SHA-1, six digits, 30 s. */
const parameters = { algorithm: "SHA1", digits: 6, period: 30 } as const;

/** One step either way: RFC 6238, section 5.2, for the drift of clocks and slow typing. */
const window = 1;

/**
 * The time step whose code this is, among the present one and its two neighbours; undefined when it is none of them.
 * The library accepts a code again and again: whoever calls must spend the step.
 */
export function stepOfCode(secret: Uint8Array, code: string, now: number): number | undefined {
  if (!/^[0-9]{6}$/.test(code)) return undefined;
  const totp = new TOTP({ ...parameters, secret: new Secret({ buffer: new Uint8Array(secret).buffer }) });
  const delta = totp.validate({ token: code, timestamp: now, window });
  return delta === null ? undefined : totp.counter({ timestamp: now }) + delta;
}

/** 160 bits: what RFC 4226, section 4, recommends. */
export const totpSecretBytes = 20;

/** The `otpauth://` URL that an authenticator app reads from a QR code; `issuer` and `label` are what it shows. */
export function otpauthUrl(secret: Uint8Array, issuer: string, label: string): string {
  return new TOTP({
    ...parameters,
    issuer,
    label,
    secret: new Secret({ buffer: new Uint8Array(secret).buffer }),
  }).toString();
}

/** The code of a secret at a time. */
export function codeAt(secret: Uint8Array, time: number): string {
  return new TOTP({ ...parameters, secret: new Secret({ buffer: new Uint8Array(secret).buffer }) }).generate({
    timestamp: time,
  });
}

/**
 * Reads a base32 secret (RFC 4648, any case, padding and spaces ignored); undefined when it is none or has under 80
 * bits.
 */
export function parseTotpSecret(text: string): Uint8Array | undefined {
  const compact = text.replace(/[\s=]/g, "").toUpperCase();
  if (!/^[A-Z2-7]{16,256}$/.test(compact)) return undefined;
  return Secret.fromBase32(compact).bytes;
}
