import type { Clock } from "../../lib/clock.ts";
import { newId } from "../../lib/ids.ts";
import type { HashParameters } from "../../lib/password-hash.ts";
import { hashPassword } from "../../lib/passwords.ts";
import type { Random } from "../../lib/random.ts";
import type { Secrets } from "../../lib/secrets.ts";
import { parseTotpSecret } from "../../lib/totp.ts";
import { recoveryCodeHash, secretBinding } from "../two-factor/verify.ts";
import { readEventNames } from "../webhooks/check.ts";
import { checkSigningToken, newSigningToken, tokenBinding } from "../webhooks/token.ts";
import { field } from "./check-record.ts";
import type { OrganizationRecord, ResellerRecord, UserRecord, WebhookRecord } from "./model.ts";
import type {
  ImportedCredentials,
  ImportedOrganization,
  ImportedReseller,
  ImportedUser,
  ImportedWebhook,
  StoredWebhook,
} from "./store.ts";

export type PrepareDeps = { secrets: Secrets; clock: Clock; random: Random; hash: HashParameters };

/** The empty text of a reference means none. */
const orNone = (reference: string | undefined) => (reference === "" ? null : reference);

export function preparedReseller({ kind: _, ...record }: ResellerRecord): ImportedReseller {
  return { ...record, id: record.id ?? null };
}

export function preparedOrganization({
  kind: _,
  address,
  ...record
}: OrganizationRecord): ImportedOrganization {
  return { ...record, ...address, id: record.id ?? null, resellerId: orNone(record.resellerId) };
}

/** A user as storage takes it. `isNew`: what the user logs in with is made, which takes as long as a login. */
export async function preparedUser(
  deps: PrepareDeps,
  record: UserRecord,
  { isNew, id }: { isNew: boolean; id: string },
): Promise<ImportedUser> {
  const { email, firstName, lastName, company, role, roles, status, tags, metadata } = record;
  return {
    id: record.id ?? null,
    email,
    firstName,
    lastName,
    company,
    role,
    roles,
    status,
    tags,
    organizationId: orNone(record.organizationId),
    resellerId: orNone(record.resellerId),
    metadata: metadata?.map(({ key, value, viewPermissions = [], visible = false }) => ({
      newId: newId(deps.random, deps.clock.now()),
      key,
      value,
      viewPermissions,
      visible,
    })),
    emailPreferenceMetrics: record.emailPreference?.metrics,
    allowCustomerPortalAccess: record.allowCustomerPortalAccess,
    googleSsoEnabled: record.googleSsoEnabled,
    credentials: isNew ? await newCredentials(deps, record, id) : undefined,
  };
}

async function newCredentials(
  { secrets, hash }: PrepareDeps,
  { password, passwordHash, twoFactorSecret, recoveryCodes = [] }: UserRecord,
  userId: string,
): Promise<ImportedCredentials> {
  const secret = twoFactorSecret === undefined ? undefined : parseTotpSecret(twoFactorSecret);
  return {
    passwordHash: password === undefined ? (passwordHash ?? null) : await hashPassword(password, hash),
    twoFactor:
      secret === undefined
        ? null
        : {
            sealedSecret: secrets.seal(secret, secretBinding(userId)),
            recoveryCodeHashes: recoveryCodes.map((code) => recoveryCodeHash(secrets, userId, code)),
          },
  };
}

/** A webhook as storage takes it, and the token that was generated for a new one that brings none. */
export type PreparedWebhook = { webhook: ImportedWebhook; generatedToken: string | undefined };

/**
 * The token is kept where the line brings none, or the same. Throws BadLine when the token that results is none of
 * its signature format: an existing webhook's format cannot change without a token for it.
 */
export function preparedWebhook(
  { secrets, random }: Pick<PrepareDeps, "secrets" | "random">,
  record: WebhookRecord,
  stored: StoredWebhook | undefined,
  id: string,
): PreparedWebhook {
  const format = record.signatureFormat ?? stored?.signatureFormat ?? "cryptlex";
  const storedToken =
    stored === undefined ? undefined : secrets.open(stored.sealedToken, tokenBinding(stored.id)).toString();
  const generatedToken =
    record.token === undefined && storedToken === undefined ? newSigningToken(format, random) : undefined;
  const token = record.token ?? storedToken ?? generatedToken ?? "";
  field("token", () => checkSigningToken(token, format));
  return {
    webhook: {
      id: record.id ?? null,
      name: record.name,
      url: record.url,
      events: readEventNames(record.events),
      active: record.active,
      signatureFormat: record.signatureFormat,
      sealedToken: token === storedToken ? undefined : secrets.seal(token, tokenBinding(stored?.id ?? id)),
    },
    generatedToken,
  };
}
