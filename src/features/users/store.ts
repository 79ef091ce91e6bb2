import type { AuditEntry } from "../audit/model.ts";
import type { ProfileChanges, User, UserStatus } from "./model.ts";

/** A user to be made, with the hash of its password. */
export type NewUser = {
  id: string;
  accountId: string;
  email: string;
  firstName: string;
  lastName: string;
  company: string;
  role: string;
  passwordHash: string | null;
  createdAt: number;
};

/** Whose profile it is. `identities`: under which failures were counted, and are from now on, with a new e-mail address. */
export type ProfileOwner = {
  id: string;
  accountId: string;
  provedVersion?: number | undefined;
  identities?: { from: Uint8Array; to: Uint8Array } | undefined;
};

export type UserStore = {
  /** Throws CONFLICT when the id or the e-mail is taken, INVALID_REQUEST when the account has no such role. */
  createUser(user: NewUser, audit: AuditEntry): Promise<User>;
  /** Users of one account in the order of their ids, a page at a time: those after `afterId`. */
  listUsers(accountId: string, page: { afterId: string; limit: number }): Promise<User[]>;
  findUser(accountId: string, userId: string): Promise<User | undefined>;
  findUserByEmail(accountId: string, email: string): Promise<User | undefined>;
  /**
   * Changes the password and ends the user's sessions but `keepSession`; clears nothing else: a lock stays. False,
   * with nothing written, when the password has another version than the one that was proved.
   */
  changePassword(
    change: {
      userId: string;
      passwordHash: string;
      keepSession: string | null;
      now: number;
      provedVersion?: number | undefined;
    },
    audit: AuditEntry,
  ): Promise<boolean>;
  /**
   * Changes what a user may change of itself. Throws CONFLICT when the e-mail is taken. Returns the user after the
   * change; undefined, with nothing written, when the password has another version than the one that was proved.
   */
  updateProfile(user: ProfileOwner, changes: ProfileChanges, audit: AuditEntry): Promise<User | undefined>;
  /**
   * Returns the user after the change; suspending ends its sessions. One that has this status already is left alone:
   * no audit entry, no new time.
   */
  setUserStatus(
    user: { id: string; accountId: string },
    status: UserStatus,
    audit: AuditEntry,
  ): Promise<User>;
};
