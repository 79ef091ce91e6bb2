import type { Secrets } from "../../lib/secrets.ts";
import { stepOfCode } from "../../lib/totp.ts";
import type { SecondFactorProof, TwoFactor } from "./model.ts";

/** What a user's TOTP secret is bound to when sealed. */
export function secretBinding(userId: string): string {
  return `two_factor.secret:${userId}`;
}

/**
 * The proof in a code of the authenticator app: the time step to spend. Undefined when the code is wrong, expired, or
 * of a step not after the last accepted one. Storage asks the last question again when it spends the step.
 */
export function proofOfCode(
  secrets: Secrets,
  user: { id: string; twoFactor: TwoFactor },
  code: string,
  now: number,
): SecondFactorProof | undefined {
  const secret = secrets.open(user.twoFactor.sealedSecret, secretBinding(user.id));
  const step = stepOfCode(secret, code, now);
  return step === undefined || step <= user.twoFactor.lastAcceptedStep ? undefined : { kind: "code", step };
}

/** Recovery codes of other systems have 8 or more; under this they could be guessed. */
const leastOfRecoveryCode = 6;

/**
 * The hash under which a recovery code of a user is kept: HMAC-SHA-256 under a subkey, over the code without regard
 * to case, spaces and dashes, which people add and lose when they type it. Bound to the user: one code is two hashes
 * for two users.
 */
export function recoveryCodeHash(secrets: Secrets, userId: string, code: string): Uint8Array {
  return secrets.mac("recovery-code", JSON.stringify([userId, compact(code)]));
}

/**
 * Whether enough of a code from elsewhere is left to be one: of dashes alone nothing is, and everybody could type
 * that.
 */
export function isUsableRecoveryCode(code: string): boolean {
  return compact(code).length >= leastOfRecoveryCode;
}

function compact(code: string): string {
  return code
    .normalize("NFKC")
    .replace(/[\s\p{Dash}]/gu, "")
    .toLowerCase();
}
