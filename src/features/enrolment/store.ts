import type { AuditEntry, RequestOrigin } from "../audit/model.ts";
import type { SecondFactorProof } from "../two-factor/model.ts";
import type { User } from "../users/model.ts";

/** Whose second factor it is about. */
export type Owner = { userId: string; accountId: string };

/** The second factor of a user as that user may see it. */
export type SecondFactorState = { enabledAt: number; recoveryCodesLeft: number };

/** When the user of a session last proved to be who it is, and whether with the second factor. */
export type SessionProof = { provedAt: number; secondFactor: boolean };

export type Reauthentication = Owner & {
  sessionId: string;
  /** The version of the password that was verified. */
  passwordVersion: number;
  proof: SecondFactorProof | null;
  /** Under which failures are counted: a recovery code lifts the stop after a hundred of the second factor. */
  identity: Uint8Array;
  now: number;
  from: RequestOrigin;
  /** For the audit entry and the event, should the proof be a recovery code. */
  recovery: { auditId: string; eventId: string };
};

export type Enabling = Owner & {
  /** The pending secret that was confirmed, as it was read: another one since then confirms nothing. */
  pendingSecret: Uint8Array;
  /** The same secret, sealed for its new place. */
  secret: Uint8Array;
  /** The time step of the code that confirmed it: spent by that. */
  step: number;
  /** The version of the password as it was when the code was tried: what a ticket was given for. */
  passwordVersion: number;
  /** The session that did it, which counts as freshly proven; null with an enrolment ticket. */
  sessionId: string | null;
  eventId: string;
};

export type Disabling = Owner & {
  proof: SecondFactorProof | null;
  identity: Uint8Array;
  eventId: string;
  recovery: { auditId: string; eventId: string };
};

export type EnrolmentStore = {
  findSecondFactor(owner: Owner): Promise<SecondFactorState | undefined>;
  findSessionProof(sessionId: string): Promise<SessionProof | undefined>;
  /**
   * Spends the proof and marks the session as proven now. False when the password was changed or the proof spent
   * meanwhile.
   */
  recordReauthentication(reauthentication: Reauthentication): Promise<boolean>;
  /** Keeps a secret until it is confirmed, in the place of a former pending one. */
  keepPendingSecret(pending: { userId: string; secret: Uint8Array; expiresAt: number }): Promise<void>;
  findPendingSecret(userId: string, now: number): Promise<Uint8Array | undefined>;
  /**
   * Makes the pending secret the active one, with audit entry and event. Undefined when it is not pending any more,
   * the session has ended, or a ticket was used already.
   */
  enableTwoFactor(enabling: Enabling, audit: AuditEntry): Promise<User | undefined>;
  /**
   * Removes secret and recovery codes, spending `proof` (null: proven before), with audit entry and event. Undefined
   * when the proof was spent, or there was nothing.
   */
  disableTwoFactor(disabling: Disabling, audit: AuditEntry): Promise<User | undefined>;
  /** Replaces all recovery codes. False when the user has no second factor. */
  replaceRecoveryCodes(codes: Owner & { hashes: Uint8Array[] }, audit: AuditEntry): Promise<boolean>;
  /**
   * An operator's or admin's reset: removes secret, pending secret and recovery codes, ends the user's sessions and
   * enrolment tickets, and lifts the stop after a hundred failures; with audit entry and the event `user.updated`.
   */
  resetTwoFactor(reset: Owner & { identity: Uint8Array; eventId: string }, audit: AuditEntry): Promise<User>;
};
