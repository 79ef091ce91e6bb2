import { type HashParameters, needsRehash, parsePasswordHash } from "./password-hash.ts";

/**
 * bcrypt reads 72 bytes. Bun hashes longer ones in another way than everybody else, so a foreign hash needs the cut.
 */
const bcryptBytes = 72;

/**
 * The form in which a password is hashed and compared: NFC, so that one keyboard's é is another's. Never trimmed,
 * never cut.
 */
export function normalForm(password: string): string {
  return password.normalize("NFC");
}

/** The Argon2id hash of a password, in the usual text form. About 30 ms at OWASP's floor (19 MiB, 2 passes). */
export function hashPassword(password: string, { memoryKib, iterations }: HashParameters): Promise<string> {
  return Bun.password.hash(normalForm(password), {
    algorithm: "argon2id",
    memoryCost: memoryKib,
    timeCost: iterations,
  });
}

export type PasswordVerdict = {
  matches: boolean;
  /** The stored hash could not be used (garbage, or parameters out of bounds): somebody should look. */
  unusable: boolean;
  /** The password is right and its hash should be made anew. */
  outdated: boolean;
};

export type PasswordVerifier = {
  /**
   * Compares a password with a stored hash. Where there is none, or none that can be used, a hash of nobody's
   * password is compared instead, so that every wrong login costs one full verification whoever was named.
   */
  verify(password: string, storedHash: string | null): Promise<PasswordVerdict>;
};

/** A verifier for these parameters. `decoyPassword` is random: nobody can send it. */
export async function makePasswordVerifier(
  parameters: HashParameters,
  decoyPassword: string,
): Promise<PasswordVerifier> {
  const decoyHash = await hashPassword(decoyPassword, parameters);
  return {
    async verify(password, storedHash) {
      const parsed = storedHash === null ? undefined : parsePasswordHash(storedHash);
      if (storedHash === null || parsed === undefined) {
        await Bun.password.verify(normalForm(password), decoyHash);
        return { matches: false, unusable: storedHash !== null, outdated: false };
      }
      const compared = parsed.kind === "bcrypt" ? firstBytes(normalForm(password)) : normalForm(password);
      const matches = await Bun.password.verify(compared, storedHash);
      return { matches, unusable: false, outdated: matches && needsRehash(storedHash, parameters) };
    },
  };
}

function firstBytes(password: string): Uint8Array | string {
  const bytes = Buffer.from(password);
  return bytes.length > bcryptBytes ? bytes.subarray(0, bcryptBytes) : password;
}
