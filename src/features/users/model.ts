import { t } from "elysia";
import { isoTime } from "../../lib/clock.ts";
import { type Organization, organizationJson, organizationSchema } from "../organizations/model.ts";
import { type Reseller, resellerJson, resellerSchema } from "../resellers/model.ts";

/** Roles that every account has; others are an account's own. */
export const builtInRoles = ["super-admin", "admin", "organization-admin", "reseller-admin", "user"] as const;

export type UserStatus = "active" | "suspended";

export type Metadata = {
  id: string;
  key: string;
  value: string;
  viewPermissions: string[];
  visible: boolean;
  createdAt: number;
  updatedAt: number;
};

/**
 * A user with everything that the API and the events tell of it. No password, no secret: those have records of their
 * own.
 */
export type User = {
  id: string;
  accountId: string;
  email: string;
  firstName: string;
  lastName: string;
  company: string;
  role: string;
  /** Roles beside `role`, in order. */
  otherRoles: string[];
  status: UserStatus;
  twoFactorEnabled: boolean;
  googleSsoEnabled: boolean;
  allowCustomerPortalAccess: boolean;
  emailPreferenceMetrics: boolean;
  organization: Organization | null;
  reseller: Reseller | null;
  metadata: Metadata[];
  tags: string[];
  lastLoginAt: number | null;
  lastSeenAt: number | null;
  createdAt: number;
  updatedAt: number;
};

const optionalTime = t.Union([t.String(), t.Null()]);

export const metadataSchema = t.Object({
  id: t.String(),
  createdAt: t.String(),
  updatedAt: t.String(),
  key: t.String(),
  value: t.String(),
  viewPermissions: t.Array(t.String()),
  visible: t.Boolean(),
});

export const userSchema = t.Object({
  id: t.String(),
  createdAt: t.String(),
  updatedAt: t.String(),
  name: t.String({ description: "First and last name joined." }),
  firstName: t.String(),
  lastName: t.String(),
  email: t.String(),
  role: t.String(),
  twoFactorEnabled: t.Boolean(),
  googleSsoEnabled: t.Boolean(),
  lastLoginAt: optionalTime,
  company: t.String(),
  allowCustomerPortalAccess: t.Boolean(),
  roles: t.Array(t.String(), { description: "All roles the user holds, `role` first." }),
  lastSeenAt: optionalTime,
  organizationId: t.Union([t.String(), t.Null()]),
  organization: t.Union([organizationSchema, t.Null()]),
  resellerId: t.Union([t.String(), t.Null()]),
  reseller: t.Union([resellerSchema, t.Null()]),
  metadata: t.Array(metadataSchema),
  tags: t.Array(t.String()),
  emailPreference: t.Object({ metrics: t.Boolean() }),
});

export type UserJson = typeof userSchema.static;

/** A user as the API and the events show it. The order of the fields is the published one. */
export function userJson(user: User): UserJson {
  return {
    id: user.id,
    createdAt: isoTime(user.createdAt),
    updatedAt: isoTime(user.updatedAt),
    name: [user.firstName, user.lastName].filter((part) => part !== "").join(" "),
    firstName: user.firstName,
    lastName: user.lastName,
    email: user.email,
    role: user.role,
    twoFactorEnabled: user.twoFactorEnabled,
    googleSsoEnabled: user.googleSsoEnabled,
    lastLoginAt: user.lastLoginAt === null ? null : isoTime(user.lastLoginAt),
    company: user.company,
    allowCustomerPortalAccess: user.allowCustomerPortalAccess,
    roles: rolesOf(user),
    lastSeenAt: user.lastSeenAt === null ? null : isoTime(user.lastSeenAt),
    organizationId: user.organization?.id ?? null,
    organization: user.organization === null ? null : organizationJson(user.organization),
    resellerId: user.reseller?.id ?? null,
    reseller: user.reseller === null ? null : resellerJson(user.reseller),
    metadata: user.metadata.map(metadataJson),
    tags: user.tags,
    emailPreference: { metrics: user.emailPreferenceMetrics },
  };
}

/** All roles that a user holds, `role` first, each once. */
export function rolesOf(user: { role: string; otherRoles: string[] }): string[] {
  return [...new Set([user.role, ...user.otherRoles])];
}

function metadataJson(metadata: Metadata) {
  return {
    id: metadata.id,
    createdAt: isoTime(metadata.createdAt),
    updatedAt: isoTime(metadata.updatedAt),
    key: metadata.key,
    value: metadata.value,
    viewPermissions: metadata.viewPermissions,
    visible: metadata.visible,
  };
}

/** What a user may change of itself; undefined stays as it is. */
export type ProfileChanges = {
  firstName?: string | undefined;
  lastName?: string | undefined;
  company?: string | undefined;
  email?: string | undefined;
  emailPreferenceMetrics?: boolean | undefined;
};
