import { type Clock, isoTime } from "../../lib/clock.ts";
import type { Secrets } from "../../lib/secrets.ts";
import { generateSigningKey } from "./signing-keys.ts";
import type { SessionStore, StoredSigningKey } from "./store.ts";

/** Beyond its last token's life an old key stays published for this long, in ms: clocks of verifiers run apart. */
const publishedBeyondMs = 60_000;

export type KeyRotation = {
  /** ms for which the new key is published before it signs: verifiers keep the key set for a while. */
  publishAhead: number;
  /** An emergency: the new key signs at once, and all others are withdrawn, with every token that they signed. */
  withdrawOthers: boolean;
};

/** Makes a new signing key and lets the present ones go. Returns the new one. */
export async function rotateSigningKey(
  { store, secrets, clock }: { store: SessionStore; secrets: Secrets; clock: Clock },
  { publishAhead, withdrawOthers }: KeyRotation,
): Promise<StoredSigningKey> {
  const now = clock.now();
  const signsFrom = withdrawOthers ? now : now + publishAhead;
  const key = await generateSigningKey(secrets, now, signsFrom);
  await store.rotateSigningKeys({ key, now, withdrawOthers, publishedBeyond: publishedBeyondMs });
  return key;
}

/** What a key does at `now`. */
export type KeyState = "published" | "signing" | "retiring" | "withdrawn";

/** The state of each key at `now` (ms), in the order in which they were made. */
export function keyStates(
  keys: readonly StoredSigningKey[],
  now: number,
): { key: StoredSigningKey; state: KeyState }[] {
  const signing = keys.findLast(
    ({ signsFrom, publishedUntil }) => signsFrom <= now && !isOver(publishedUntil, now),
  );
  return keys.map((key) => {
    if (isOver(key.publishedUntil, now)) return { key, state: "withdrawn" };
    if (key.id === signing?.id) return { key, state: "signing" };
    return { key, state: key.signsFrom > now ? "published" : "retiring" };
  });
}

function isOver(publishedUntil: number | null, now: number): boolean {
  return publishedUntil !== null && publishedUntil <= now;
}

/** A signing key as `--json` shows it: its public side alone. */
export function keyJson({ key, state }: { key: StoredSigningKey; state: KeyState }) {
  return {
    id: key.id,
    state,
    createdAt: isoTime(key.createdAt),
    signsFrom: isoTime(key.signsFrom),
    publishedUntil: key.publishedUntil === null ? null : isoTime(key.publishedUntil),
  };
}
