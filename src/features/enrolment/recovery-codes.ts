import type { Random } from "../../lib/random.ts";

/** How many codes somebody gets: enough for a lost phone or two. */
export const recoveryCodeCount = 10;

/** Crockford's base32 without I, L, O and U: nothing in it is taken for something else. */
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

/** 24 characters of 5 bits: 120 bits each, in groups of four for reading. */
const groups = 6;
const groupLength = 4;

/** New recovery codes, as they are shown once. */
export function newRecoveryCodes(random: Random): string[] {
  return Array.from({ length: recoveryCodeCount }, () => newRecoveryCode(random));
}

function newRecoveryCode(random: Random): string {
  // 32 divides 256: the low five bits of a random byte are as evenly spread as the byte.
  const characters = Array.from(random.bytes(groups * groupLength), (byte) => alphabet[byte & 31]).join("");
  return (characters.match(new RegExp(`.{${groupLength}}`, "g")) ?? []).join("-");
}
