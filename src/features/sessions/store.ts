import type { AuditEntry, RequestOrigin } from "../audit/model.ts";
import type { Session, SessionEndReason, SessionIdentity } from "./model.ts";

/** What a refresh token says, after its HMAC was found genuine, and the limits that it is held to. */
export type Rotation = {
  sessionId: string;
  generation: number;
  now: number;
  /** ms for which the generation before the current one still gets the current token. */
  grace: number;
  /** ms after which a session that was not refreshed is over. */
  idle: number;
  from: RequestOrigin;
  /** For the audit entry and the event, should this be the reuse of a spent token. */
  auditId: string;
  eventId: string;
};

export type RotationOutcome =
  /** Answer with the token of `generation`: a new one, or the current one again within the grace. */
  | { kind: "refreshed"; identity: SessionIdentity; generation: number }
  /** The session is over, was never there, or its user or account may not refresh. */
  | { kind: "refused" }
  /** A spent token was used after the grace: the session has been ended, with its audit entry and event. */
  | { kind: "reuse" };

export type StoredSigningKey = {
  id: string;
  publicKey: string;
  privateKey: Uint8Array;
  createdAt: number;
  signsFrom: number;
  publishedUntil: number | null;
  /** ms: the longest life of a token that it signed, or will. */
  longestTokenTtl: number;
};

export type SigningKeyRotation = {
  key: StoredSigningKey;
  now: number;
  /** Whether all other keys end now, instead of when their last token has expired. */
  withdrawOthers: boolean;
  /** ms for which a key stays published beyond the life of its last token. */
  publishedBeyond: number;
};

export type SessionStore = {
  /** Moves the session on by one conditional statement: of any number of simultaneous calls, one branch results. */
  rotateRefreshToken(rotation: Rotation): Promise<RotationOutcome>;
  /**
   * The state behind an access token, by one indexed read: undefined once the session, its user or its account ended.
   */
  findLiveSession(sessionId: string, now: number): Promise<SessionIdentity | undefined>;
  /** Whose session this is, whatever has become of it: undefined where there never was one. */
  findSessionOwner(sessionId: string): Promise<{ id: string; userId: string; accountId: string } | undefined>;
  /** The user's sessions that can still be refreshed, the last used first: 100 at most. */
  listLiveSessions(
    user: { accountId: string; userId: string },
    limits: { now: number; idle: number },
  ): Promise<Session[]>;
  /** Ends one live session of a user, with its audit entry. False when there is none such: then nothing is written. */
  endSession(
    session: { id: string; userId: string; reason: SessionEndReason },
    audit: AuditEntry,
  ): Promise<boolean>;
  /** Ends all live sessions of a user but `except`, with one audit entry if there were any. Returns how many. */
  endSessions(
    of: { userId: string; except: string | null; reason: SessionEndReason },
    audit: AuditEntry,
  ): Promise<number>;
  /** In the order in which they were made. */
  listSigningKeys(): Promise<StoredSigningKey[]>;
  /** Adds the first key of a database; does nothing where there is one already. */
  addFirstSigningKey(key: StoredSigningKey): Promise<void>;
  /**
   * Adds a key, and sets when each of the others ends: the newest once the new one signs and its last token has
   * expired.
   */
  rotateSigningKeys(rotation: SigningKeyRotation): Promise<void>;
  /**
   * Remembers for how long tokens live that are signed from `now` on: rotation keeps the keys for as long. One that
   * was rotated already and may still sign is kept for longer where these live longer.
   */
  noteTokenTtl(ttl: number, now: number): Promise<void>;
};
