// Every table in one file of more than 300 lines: they refer to one another, and drizzle-kit compares them as a whole.

import { sql } from "drizzle-orm";
import {
  blob,
  check,
  foreignKey,
  index,
  integer,
  primaryKey,
  sqliteTable,
  text,
  unique,
  uniqueIndex,
} from "drizzle-orm/sqlite-core";

// Times are integer milliseconds since the Unix epoch. Records of a tenant carry `account_id`, and what they refer to
// is
// tied by (account_id, id): no row can point into another account, whatever the code above does.

/** One row: what belongs to the database as a whole. */
export const server = sqliteTable("server", {
  id: integer().primaryKey(),
  /** HMAC of a fixed text under the server key: tells a wrong key at the start, before anything is decrypted. */
  keyCheck: blob("key_check", { mode: "buffer" }).notNull(),
  createdAt: integer("created_at").notNull(),
  /** The highest time of day that a server noted here: a clock that shows less was set back. */
  highestTime: integer("highest_time").notNull(),
});

export const accounts = sqliteTable("accounts", {
  id: text().primaryKey(),
  alias: text().notNull(),
  /** The alias without regard to case: what is looked up. */
  aliasKey: text("alias_key").notNull().unique(),
  company: text().notNull(),
  status: text({ enum: ["active", "suspended"] }).notNull(),
  /** Whose users must have two-factor authentication: `none`, `all`, or names of roles. */
  requireTwoFactor: text("require_two_factor", { mode: "json" }).$type<"none" | "all" | string[]>().notNull(),
  createdAt: integer("created_at").notNull(),
  updatedAt: integer("updated_at").notNull(),
});

const accountId = () =>
  text("account_id")
    .notNull()
    .references(() => accounts.id, { onDelete: "cascade" });

export const resellers = sqliteTable(
  "resellers",
  {
    id: text().primaryKey(),
    accountId: accountId(),
    name: text().notNull(),
    email: text().notNull(),
    description: text().notNull(),
    allowedUsers: integer("allowed_users").notNull(),
    allowedOrganizations: integer("allowed_organizations").notNull(),
    createdAt: integer("created_at").notNull(),
    updatedAt: integer("updated_at").notNull(),
  },
  (table) => [
    unique("resellers_account_id_id").on(table.accountId, table.id),
    index("resellers_name").on(table.accountId, table.name),
  ],
);

export const organizations = sqliteTable(
  "organizations",
  {
    id: text().primaryKey(),
    accountId: accountId(),
    name: text().notNull(),
    email: text().notNull(),
    description: text().notNull(),
    allowedUsers: integer("allowed_users").notNull(),
    addressLine1: text("address_line_1").notNull(),
    addressLine2: text("address_line_2").notNull(),
    city: text().notNull(),
    state: text().notNull(),
    country: text().notNull(),
    postalCode: text("postal_code").notNull(),
    resellerId: text("reseller_id"),
    createdAt: integer("created_at").notNull(),
    updatedAt: integer("updated_at").notNull(),
  },
  (table) => [
    unique("organizations_account_id_id").on(table.accountId, table.id),
    foreignKey({
      columns: [table.accountId, table.resellerId],
      foreignColumns: [resellers.accountId, resellers.id],
    }),
    index("organizations_reseller").on(table.accountId, table.resellerId),
    index("organizations_name").on(table.accountId, table.name),
  ],
);

/** Custom roles of an account. The built-in ones need no row. */
export const roles = sqliteTable(
  "roles",
  {
    accountId: accountId(),
    name: text().notNull(),
    createdAt: integer("created_at").notNull(),
  },
  (table) => [primaryKey({ columns: [table.accountId, table.name] })],
);

export const users = sqliteTable(
  "users",
  {
    id: text().primaryKey(),
    accountId: accountId(),
    email: text().notNull(),
    /** The e-mail address without regard to case: what is looked up. */
    emailKey: text("email_key").notNull(),
    firstName: text("first_name").notNull(),
    lastName: text("last_name").notNull(),
    company: text().notNull(),
    /** The role that `role` in answers names: built-in or one of the account's. */
    role: text().notNull(),
    /** Further roles, in order, without `role` itself. */
    otherRoles: text("other_roles", { mode: "json" }).$type<string[]>().notNull(),
    tags: text({ mode: "json" }).$type<string[]>().notNull(),
    status: text({ enum: ["active", "suspended"] }).notNull(),
    passwordHash: text("password_hash"),
    /** Moves when the password changes, not when it is rehashed: fences logins that verified the former password. */
    passwordVersion: integer("password_version").notNull(),
    googleSsoEnabled: integer("google_sso_enabled", { mode: "boolean" }).notNull(),
    allowCustomerPortalAccess: integer("allow_customer_portal_access", { mode: "boolean" }).notNull(),
    emailPreferenceMetrics: integer("email_preference_metrics", { mode: "boolean" }).notNull(),
    organizationId: text("organization_id"),
    resellerId: text("reseller_id"),
    lastLoginAt: integer("last_login_at"),
    lastSeenAt: integer("last_seen_at"),
    createdAt: integer("created_at").notNull(),
    updatedAt: integer("updated_at").notNull(),
  },
  (table) => [
    uniqueIndex("users_account_email").on(table.accountId, table.emailKey),
    unique("users_account_id_id").on(table.accountId, table.id),
    foreignKey({
      columns: [table.accountId, table.organizationId],
      foreignColumns: [organizations.accountId, organizations.id],
    }),
    foreignKey({
      columns: [table.accountId, table.resellerId],
      foreignColumns: [resellers.accountId, resellers.id],
    }),
    index("users_organization").on(table.accountId, table.organizationId),
    index("users_reseller").on(table.accountId, table.resellerId),
  ],
);

const userId = () =>
  text("user_id")
    .notNull()
    .references(() => users.id, { onDelete: "cascade" });

export const userMetadata = sqliteTable(
  "user_metadata",
  {
    id: text().primaryKey(),
    userId: userId(),
    key: text().notNull(),
    value: text().notNull(),
    viewPermissions: text("view_permissions", { mode: "json" }).$type<string[]>().notNull(),
    visible: integer({ mode: "boolean" }).notNull(),
    createdAt: integer("created_at").notNull(),
    updatedAt: integer("updated_at").notNull(),
  },
  (table) => [uniqueIndex("user_metadata_user_key").on(table.userId, table.key)],
);

export const twoFactor = sqliteTable("two_factor", {
  userId: text("user_id")
    .primaryKey()
    .references(() => users.id, { onDelete: "cascade" }),
  /** The TOTP secret, sealed; bound to the user. */
  secret: blob({ mode: "buffer" }).notNull(),
  /** The highest time step (RFC 6238) that was spent: it and all before it are refused. */
  lastAcceptedStep: integer("last_accepted_step").notNull(),
  enabledAt: integer("enabled_at").notNull(),
});

/** A secret that its user has not confirmed with a code yet: it touches no active one. */
export const pendingTwoFactor = sqliteTable("pending_two_factor", {
  userId: text("user_id")
    .primaryKey()
    .references(() => users.id, { onDelete: "cascade" }),
  /** The TOTP secret, sealed; bound to the user and to this table. */
  secret: blob({ mode: "buffer" }).notNull(),
  expiresAt: integer("expires_at").notNull(),
});

export const recoveryCodes = sqliteTable(
  "recovery_codes",
  {
    userId: userId(),
    /** HMAC under a subkey: a stolen database alone lets nobody search for the code. */
    codeHash: blob("code_hash", { mode: "buffer" }).notNull(),
    createdAt: integer("created_at").notNull(),
  },
  (table) => [primaryKey({ columns: [table.userId, table.codeHash] })],
);

export const sessions = sqliteTable(
  "sessions",
  {
    id: text().primaryKey(),
    accountId: accountId(),
    userId: userId(),
    /** How often the refresh token was rotated, and when last. The token itself is kept nowhere. */
    generation: integer().notNull(),
    generationAt: integer("generation_at").notNull(),
    origin: text(),
    userAgent: text("user_agent"),
    address: text(),
    createdAt: integer("created_at").notNull(),
    lastUsedAt: integer("last_used_at").notNull(),
    /**
     * When its user last proved to be who it is, and whether with the second factor: what changes the login asks for
     * a recent proof.
     */
    provedAt: integer("proved_at").notNull(),
    provedSecondFactor: integer("proved_second_factor", { mode: "boolean" }).notNull(),
    /** The absolute end; the idle end follows from `generation_at`. */
    expiresAt: integer("expires_at").notNull(),
    endedAt: integer("ended_at"),
    endReason: text("end_reason"),
  },
  (table) => [
    index("sessions_user_live").on(table.userId, table.createdAt).where(sql`ended_at IS NULL`),
    index("sessions_account").on(table.accountId),
    index("sessions_expiry").on(table.expiresAt),
    index("sessions_ended").on(table.endedAt).where(sql`ended_at IS NOT NULL`),
  ],
);

/** One row an identity (account and e-mail), known or invented: the key is an HMAC of both. */
export const loginFailures = sqliteTable(
  "login_failures",
  {
    identity: blob({ mode: "buffer" }).primaryKey(),
    known: integer({ mode: "boolean" }).notNull(),
    /** Times of the failures that may still count, oldest first: at most five. */
    recent: text({ mode: "json" }).$type<number[]>().notNull(),
    /** Failures of the second factor since the last success. */
    secondFactor: integer("second_factor").notNull(),
    lockedUntil: integer("locked_until").notNull(),
    /** When the row has nothing left to say; never (null) while second-factor failures are counted. */
    expiresAt: integer("expires_at"),
  },
  (table) => [index("login_failures_expiry").on(table.known, table.expiresAt)],
);

export const webhooks = sqliteTable(
  "webhooks",
  {
    id: text().primaryKey(),
    accountId: accountId(),
    name: text().notNull(),
    url: text().notNull(),
    /** The signing token, sealed; bound to the webhook. */
    token: blob({ mode: "buffer" }).notNull(),
    signatureFormat: text("signature_format", { enum: ["cryptlex", "standard"] }).notNull(),
    active: integer({ mode: "boolean" }).notNull(),
    health: text({ enum: ["healthy", "unhealthy", "suspended"] }).notNull(),
    healthReason: text("health_reason").notNull(),
    /** Failures in a row, and when the row of failures began. */
    failures: integer().notNull(),
    failingSince: integer("failing_since"),
    suspendedAt: integer("suspended_at"),
    /** While suspended: when the next probe goes out, and how many went. */
    probeAt: integer("probe_at"),
    probes: integer().notNull(),
    createdAt: integer("created_at").notNull(),
    updatedAt: integer("updated_at").notNull(),
  },
  (table) => [
    index("webhooks_account").on(table.accountId, table.createdAt),
    index("webhooks_probe").on(table.probeAt).where(sql`probe_at IS NOT NULL`),
  ],
);

/** Which events a webhook wants: a table of its own, so that a login finds its receivers by an index. */
export const webhookEvents = sqliteTable(
  "webhook_events",
  {
    accountId: accountId(),
    event: text().notNull(),
    webhookId: text("webhook_id")
      .notNull()
      .references(() => webhooks.id, { onDelete: "cascade" }),
  },
  (table) => [
    primaryKey({ columns: [table.accountId, table.event, table.webhookId] }),
    index("webhook_events_webhook").on(table.webhookId),
  ],
);

export const outboxEvents = sqliteTable(
  "outbox_events",
  {
    id: text().primaryKey(),
    accountId: accountId(),
    type: text().notNull(),
    /** Exactly the bytes that are sent, on every attempt. */
    body: text().notNull(),
    createdAt: integer("created_at").notNull(),
  },
  (table) => [
    index("outbox_events_account").on(table.accountId, table.createdAt),
    index("outbox_events_created").on(table.createdAt, table.id),
  ],
);

export const outboxDeliveries = sqliteTable(
  "outbox_deliveries",
  {
    /** Grows with time: deliveries of equal due time go out in the order in which they were written. */
    id: integer().primaryKey({ autoIncrement: true }),
    eventId: text("event_id")
      .notNull()
      .references(() => outboxEvents.id, { onDelete: "cascade" }),
    webhookId: text("webhook_id")
      .notNull()
      .references(() => webhooks.id, { onDelete: "cascade" }),
    state: text({ enum: ["pending", "sending", "delivered", "dead", "held"] }).notNull(),
    /** Attempts that were counted. */
    attempts: integer().notNull(),
    /**
     * When it is due. Of a held one: since when it is held, so that it is due as soon as its webhook is ready again.
     */
    nextAttemptAt: integer("next_attempt_at").notNull(),
    claim: text(),
    leaseUntil: integer("lease_until"),
    createdAt: integer("created_at").notNull(),
    /** When it was delivered or given up. */
    endedAt: integer("ended_at"),
  },
  (table) => [
    uniqueIndex("outbox_deliveries_event_webhook").on(table.eventId, table.webhookId),
    // What the loop asks: the due rows of one webhook, the held ones of one webhook and those held too long, and what
    // a dead
    // server had claimed.
    index("outbox_deliveries_pending")
      .on(table.webhookId, table.nextAttemptAt, table.id)
      .where(sql`state = 'pending'`),
    index("outbox_deliveries_held").on(table.webhookId, table.id).where(sql`state = 'held'`),
    index("outbox_deliveries_held_since").on(table.nextAttemptAt).where(sql`state = 'held'`),
    index("outbox_deliveries_sending").on(table.leaseUntil).where(sql`state = 'sending'`),
    // What people ask: the deliveries of a webhook, and its dead letters.
    index("outbox_deliveries_webhook").on(table.webhookId, table.id),
    index("outbox_deliveries_dead").on(table.webhookId, table.id).where(sql`state = 'dead'`),
    check("outbox_deliveries_claim", sql`(state = 'sending') = (claim IS NOT NULL)`),
  ],
);

export const deliveryAttempts = sqliteTable(
  "delivery_attempts",
  {
    id: integer().primaryKey({ autoIncrement: true }),
    deliveryId: integer("delivery_id")
      .notNull()
      .references(() => outboxDeliveries.id, { onDelete: "cascade" }),
    attempt: integer().notNull(),
    sentAt: integer("sent_at").notNull(),
    answeredAt: integer("answered_at").notNull(),
    status: integer(),
    /** Why it failed, in a sentence; null when it did not. */
    error: text(),
    /** Why there will be another attempt, or none. */
    reason: text(),
    /** Of a failed attempt: the first 4 KiB of the answer. */
    answer: text(),
  },
  (table) => [index("delivery_attempts_delivery").on(table.deliveryId, table.id)],
);

export const signingKeys = sqliteTable("signing_keys", {
  /** The `kid` of tokens: the key's JWK thumbprint (RFC 7638). */
  id: text().primaryKey(),
  /** The public key as a JWK. */
  publicKey: text("public_key").notNull(),
  /** The private key as PKCS #8, sealed; bound to the kid. */
  privateKey: blob("private_key", { mode: "buffer" }).notNull(),
  createdAt: integer("created_at").notNull(),
  /** From when on it signs; it is published before. */
  signsFrom: integer("signs_from").notNull(),
  /** Until when it stays published; null while it is the newest. */
  publishedUntil: integer("published_until"),
  /** ms: the longest life of a token that it signed. */
  longestTokenTtl: integer("longest_token_ttl").notNull(),
});

/** Personal access tokens: only their hashes. */
export const accessTokens = sqliteTable(
  "access_tokens",
  {
    id: text().primaryKey(),
    accountId: accountId(),
    userId: userId(),
    name: text().notNull(),
    tokenHash: text("token_hash").notNull().unique(),
    scopes: text({ mode: "json" }).$type<string[]>().notNull(),
    createdAt: integer("created_at").notNull(),
    expiresAt: integer("expires_at"),
    lastUsedAt: integer("last_used_at"),
  },
  (table) => [
    index("access_tokens_account").on(table.accountId, table.createdAt),
    index("access_tokens_user").on(table.userId),
  ],
);

export const auditLog = sqliteTable(
  "audit_log",
  {
    id: text().primaryKey(),
    accountId: accountId(),
    at: integer().notNull(),
    action: text().notNull(),
    /** Who did it: a user, the server itself, or an operator at the command line. */
    actor: text({ enum: ["user", "server", "operator"] }).notNull(),
    /** The record it was done to: its kind and id. */
    targetKind: text("target_kind").notNull(),
    targetId: text("target_id").notNull(),
    origin: text(),
    userAgent: text("user_agent"),
    address: text(),
    details: text({ mode: "json" }).$type<Record<string, string | number | boolean | null>>().notNull(),
  },
  (table) => [
    index("audit_log_account").on(table.accountId, table.at),
    index("audit_log_target").on(table.targetKind, table.targetId, table.at),
  ],
);
