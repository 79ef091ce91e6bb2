import type { AccountStatus, TwoFactorRequirement } from "../accounts/model.ts";
import type { AuditEntry, RequestOrigin } from "../audit/model.ts";
import type { NewSession, SessionIdentity } from "../sessions/model.ts";
import type { SecondFactorProof, TwoFactor } from "../two-factor/model.ts";
import type { UserStatus } from "../users/model.ts";
import type { FailureKind, FailureRecord } from "./lockout.ts";

export type LoginAccount = { id: string; status: AccountStatus; requireTwoFactor: TwoFactorRequirement };

export type LoginUser = {
  id: string;
  status: UserStatus;
  roles: string[];
  passwordHash: string | null;
  passwordVersion: number;
  twoFactor: TwoFactor | null;
};

export type Failure = {
  identity: Uint8Array;
  kind: FailureKind;
  now: number;
  /** The user it happened to; null for an invented identity, which gets a counter but no audit entry. */
  user: { id: string; accountId: string } | null;
  from: RequestOrigin;
  auditIds: [string, string];
};

/** `refused`: the identity was locked before this failure could count, so its caller must not learn that it was one. */
export type FailureOutcome = { kind: "counted" } | { kind: "refused"; record: FailureRecord };

export type LoginRecord = {
  identity: Uint8Array;
  accountId: string;
  userId: string;
  /** The version of the password that was verified. */
  passwordVersion: number;
  proof: SecondFactorProof | null;
  session: NewSession;
  now: number;
  auditId: string;
  eventId: string;
  /** For the audit entry and the event of a recovery code that is spent. */
  recovery: { auditId: string; eventId: string };
};

export type LoginOutcome =
  | { kind: "logged-in"; identity: SessionIdentity }
  /** The identity was locked meanwhile. */
  | { kind: "locked"; record: FailureRecord }
  /** The user is gone, or the password was changed since it was verified. */
  | { kind: "credentials-changed" }
  /** The user turned two-factor authentication on meanwhile. */
  | { kind: "proof-missing" }
  /** The code's step, or the recovery code, was spent by another login meanwhile. */
  | { kind: "proof-spent" }
  | { kind: "account-suspended" }
  | { kind: "user-suspended" };

export type LoginStore = {
  /** By id, by alias, or by both if they name the same; with neither, the only account there is. */
  findLoginAccount(id: string | null, alias: string | null): Promise<LoginAccount | undefined>;
  findLoginUser(accountId: string, email: string): Promise<LoginUser | undefined>;
  readFailures(identity: Uint8Array): Promise<FailureRecord>;
  /** Counts a failure, on its own and whatever becomes of the request, unless the identity is locked. */
  recordFailure(failure: Failure): Promise<FailureOutcome>;
  /**
   * The one transaction of a login: spends the second factor, makes the session, sets the user's times, clears the
   * failures, and writes the audit entry, the event and its deliveries. Every condition is asked again inside it;
   * nothing is written unless all hold.
   */
  recordLogin(login: LoginRecord): Promise<LoginOutcome>;
  /**
   * Forgets the failures of an identity: an operator's unlock. Also lets a spent time step of the future be used
   * again.
   */
  unlock(identity: Uint8Array, userId: string, audit: AuditEntry): Promise<void>;
  /** Whether this recovery code of the user is unspent. */
  hasRecoveryCode(userId: string, hash: Uint8Array): Promise<boolean>;
  /** Replaces the hash by a better one of the same password, if it is still the one that was verified. */
  replacePasswordHash(change: { userId: string; from: string; to: string }): Promise<boolean>;
};
