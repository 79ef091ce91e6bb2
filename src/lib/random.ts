import { randomBytes } from "node:crypto";

/** The source of everything that must not be guessed, and of jitter. Injected, so that a test can fix the jitter. */
export type Random = {
  /** `count` bytes from the system's cryptographic generator. */
  bytes(count: number): Uint8Array;
  /** A UUIDv7 for the given time (ms): sorts by time, so that rows of one moment share a page of the index. */
  uuid(now: number): string;
  /** A number in [0, 1): for jitter only, never for secrets. */
  fraction(): number;
};

export const systemRandom: Random = {
  bytes: (count) => randomBytes(count),
  uuid: (now) => Bun.randomUUIDv7("hex", now),
  fraction: () => Math.random(),
};

/** `count` random bytes as base64url: 32 bytes are 43 characters. */
export function randomToken(random: Random, count = 32): string {
  return Buffer.from(random.bytes(count)).toString("base64url");
}
