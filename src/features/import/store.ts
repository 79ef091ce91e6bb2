import type { Address } from "../organizations/model.ts";
import type { Metadata, UserStatus } from "../users/model.ts";
import type { EventName, SignatureFormat } from "../webhooks/model.ts";
import type { ImportKind } from "./model.ts";

/** Which record a line means: by its id or, without one, by what names it: a user's e-mail, everything else's name. */
export type RecordKey = { kind: ImportKind; id: string | null; name: string };

export type NotedLine = RecordKey & {
  line: number;
  /** What else must be there. `field` is where the line says so. */
  references: { kind: "reseller" | "organization" | "role"; field: string; to: string }[];
};

/** A line and why it cannot be applied. */
export type LineProblem = { line: number; reason: string };

/**
 * The lines of one file against each other and against the account. Kept on the disk, not in memory; nothing of it
 * outlives `close`.
 */
export type ImportCheck = {
  /**
   * Takes a line that is good by itself. Returns why it clashes with the account or a line above, and then forgets
   * it.
   */
  note(line: NotedLine): Promise<string | undefined>;
  /** Remembers that a line is not to be applied. */
  refuse(line: number): Promise<void>;
  /**
   * After the last line: those that refer to what is neither in the account nor on a good line, wherever it stands.
   * They are refused, and so is what refers to them.
   */
  danglers(): AsyncGenerator<LineProblem>;
  isRefused(line: number): Promise<boolean>;
  close(): Promise<void>;
};

/** What every imported record comes with. */
export type ImportMark = {
  accountId: string;
  now: number;
  auditId: string;
  /** The id of a record that is new and brings none. */
  newId: string;
};

/** A field that is undefined is left as it is, or gets its default in a new record. */
type Given<Fields> = { [Field in keyof Fields]?: Fields[Field] | undefined };

export type ImportedReseller = { id: string | null; name: string } & Given<{
  email: string;
  description: string;
  allowedUsers: number;
  allowedOrganizations: number;
}>;

export type ImportedOrganization = { id: string | null; name: string } & Given<
  {
    email: string;
    description: string;
    allowedUsers: number;
    /** Null: none. */
    resellerId: string | null;
  } & Address
>;

export type ImportedMetadata = Pick<Metadata, "key" | "value" | "viewPermissions" | "visible"> & {
  newId: string;
};

/** What a new user logs in with. */
export type ImportedCredentials = {
  passwordHash: string | null;
  twoFactor: { sealedSecret: Uint8Array; recoveryCodeHashes: Uint8Array[] } | null;
};

export type ImportedUser = { id: string | null; email: string; firstName: string; lastName: string } & Given<{
  company: string;
  role: string;
  /** All roles, `role` among them or not. */
  roles: string[];
  status: UserStatus;
  organizationId: string | null;
  resellerId: string | null;
  tags: string[];
  metadata: ImportedMetadata[];
  emailPreferenceMetrics: boolean;
  allowCustomerPortalAccess: boolean;
  googleSsoEnabled: boolean;
}> & {
    /** Used for a user that is new. Undefined: the user was there already when they were looked for. */
    credentials: ImportedCredentials | undefined;
  };

export type ImportedWebhook = { id: string | null; name: string; url: string; events: EventName[] } & Given<{
  active: boolean;
  signatureFormat: SignatureFormat;
  /** Sealed for the id that the webhook has or gets. */
  sealedToken: Uint8Array;
}>;

export type StoredWebhook = { id: string; signatureFormat: SignatureFormat; sealedToken: Uint8Array };

export type ImportOutcome = { kind: "created" | "updated" | "unchanged"; id: string };

/**
 * Each `import…` finds the record by its id or its name within the account, makes it or changes what differs, and
 * writes the audit entry, in one transaction; nothing is written where nothing differs. They throw CONFLICT when an
 * id belongs to another account, a name to several records or an e-mail to another user, INVALID_REQUEST for a role
 * or reference that leads nowhere.
 */
export type ImportStore = {
  startCheck(accountId: string): Promise<ImportCheck>;
  /** Whether the account has this user. */
  hasUser(accountId: string, user: { id: string | null; email: string }): Promise<boolean>;
  findWebhook(
    accountId: string,
    webhook: { id: string | null; name: string },
  ): Promise<StoredWebhook | undefined>;
  importReseller(reseller: ImportedReseller, mark: ImportMark): Promise<ImportOutcome>;
  importOrganization(organization: ImportedOrganization, mark: ImportMark): Promise<ImportOutcome>;
  importRole(name: string, mark: ImportMark): Promise<ImportOutcome>;
  /** Credentials are an existing user's own: they are left alone. */
  importUser(user: ImportedUser, mark: ImportMark): Promise<ImportOutcome>;
  importWebhook(webhook: ImportedWebhook, mark: ImportMark): Promise<ImportOutcome>;
};
