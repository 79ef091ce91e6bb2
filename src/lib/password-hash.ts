/** The parameters of Argon2id that Postern makes hashes with: memory in KiB, and passes over it. */
export type HashParameters = { memoryKib: number; iterations: number };

/** What a stored hash says of itself. */
export type PasswordHash =
  | {
      kind: "argon2";
      variant: "argon2id" | "argon2i" | "argon2d";
      memoryKib: number;
      iterations: number;
      lanes: number;
    }
  | { kind: "bcrypt"; cost: number };

const argon2Pattern =
  /^\$(argon2id|argon2i|argon2d)\$v=19\$m=(\d{1,10}),t=(\d{1,10}),p=(\d{1,10})\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{16,171}$/;
const bcryptPattern = /^\$2[aby]\$(\d{2})\$[./A-Za-z0-9]{53}$/;

/**
 * Bounds of what is verified: a hash from elsewhere that asks for 4 GiB held a thread for 20.9 s. 256 MiB with 10
 * passes and bcrypt 14 take about a second, and are far above every recommendation (OWASP: 19 MiB with 2 passes,
 * bcrypt 10).
 */
const mostArgon2 = { memoryKib: 256 * 1024, iterations: 10, lanes: 16 };
const mostBcryptCost = 14;
const leastBcryptCost = 4;

/** Reads an Argon2 or bcrypt hash in its usual text form; undefined when it is neither or asks for too much work. */
export function parsePasswordHash(text: string): PasswordHash | undefined {
  const argon2 = argon2Pattern.exec(text);
  if (argon2 !== null) {
    const [variant, memoryKib, iterations, lanes] = [
      argon2[1],
      Number(argon2[2]),
      Number(argon2[3]),
      Number(argon2[4]),
    ];
    if (variant !== "argon2id" && variant !== "argon2i" && variant !== "argon2d") return undefined;
    const sane =
      lanes >= 1 &&
      lanes <= mostArgon2.lanes &&
      iterations >= 1 &&
      iterations <= mostArgon2.iterations &&
      memoryKib >= 8 * lanes &&
      memoryKib <= mostArgon2.memoryKib;
    return sane ? { kind: "argon2", variant, memoryKib, iterations, lanes } : undefined;
  }
  const cost = Number(bcryptPattern.exec(text)?.[1] ?? Number.NaN);
  return cost >= leastBcryptCost && cost <= mostBcryptCost ? { kind: "bcrypt", cost } : undefined;
}

/** Whether a right password's hash should be made anew: it came from elsewhere, or the settings changed since. */
export function needsRehash(text: string, wanted: HashParameters): boolean {
  const hash = parsePasswordHash(text);
  return !(
    hash?.kind === "argon2" &&
    hash.variant === "argon2id" &&
    hash.memoryKib === wanted.memoryKib &&
    hash.iterations === wanted.iterations &&
    hash.lanes === 1
  );
}
