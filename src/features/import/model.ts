import Type, { type Static } from "typebox";
import { idPattern } from "../../lib/ids.ts";
import { isEmail } from "../../lib/text.ts";
import { signatureFormats } from "../webhooks/model.ts";

// The lines of an import file: the REST API's field names and `kind`. Lengths are in code points, and every list is
// bounded, so that the
// events that tell of a user stay bodies that a receiver takes.

/** One line at most, in bytes: far above what the bounds below allow. */
export const mostLineBytes = 1024 * 1024;

/**
 * Text that is read back as it was written: no NUL, at which SQLite's own functions stop, and no half of a surrogate
 * pair.
 */
function text(least: number, most: number) {
  return Type.Refine(
    Type.String({ minLength: least, maxLength: most }),
    (value) => value.isWellFormed() && !value.includes("\0"),
    () => "must be text without NUL or broken characters",
  );
}

/** Text that a rule can judge. `wanted` goes on after `must be`. */
function judged(most: number, isGood: (value: string) => boolean, wanted: string) {
  return Type.Refine(Type.String({ maxLength: most }), isGood, () => `must be ${wanted}`);
}

const name = text(1, 256);
const shortText = text(0, 256);
const description = text(0, 1_024);
const secret = text(1, 256);
const count = Type.Integer({ minimum: 0, maximum: 1_000_000_000 });
const idWords = "1 to 36 letters, digits and dashes";
const id = judged(36, (value) => idPattern.test(value), idWords);
/** `null`, which means none, is the empty text by the time it is judged. */
const reference = judged(36, (value) => value === "" || idPattern.test(value), `${idWords}, or null`);
const email = judged(256, isEmail, "an e-mail address");
const contactEmail = judged(256, (value) => value === "" || isEmail(value), "an e-mail address");
const roleName = judged(
  256,
  (value) => /^[^\p{C}]+$/u.test(value) && value.trim() === value && value !== "none" && value !== "all",
  "a name on one line, without spaces around it, that is neither none nor all",
);

const strict = { additionalProperties: false } as const;

const address = Type.Object(
  {
    addressLine1: Type.Optional(shortText),
    addressLine2: Type.Optional(shortText),
    city: Type.Optional(shortText),
    state: Type.Optional(shortText),
    country: Type.Optional(shortText),
    postalCode: Type.Optional(shortText),
  },
  strict,
);

const metadata = Type.Object(
  {
    key: name,
    value: text(0, 2_048),
    viewPermissions: Type.Optional(Type.Array(name, { maxItems: 10, uniqueItems: true })),
    visible: Type.Optional(Type.Boolean()),
  },
  strict,
);

export const schemas = {
  reseller: Type.Object(
    {
      kind: Type.Literal("reseller"),
      id: Type.Optional(id),
      name,
      email: Type.Optional(contactEmail),
      description: Type.Optional(description),
      allowedUsers: Type.Optional(count),
      allowedOrganizations: Type.Optional(count),
    },
    strict,
  ),
  organization: Type.Object(
    {
      kind: Type.Literal("organization"),
      id: Type.Optional(id),
      name,
      email: Type.Optional(contactEmail),
      description: Type.Optional(description),
      allowedUsers: Type.Optional(count),
      resellerId: Type.Optional(reference),
      address: Type.Optional(address),
    },
    strict,
  ),
  role: Type.Object({ kind: Type.Literal("role"), name: roleName }, strict),
  user: Type.Object(
    {
      kind: Type.Literal("user"),
      id: Type.Optional(id),
      email,
      firstName: name,
      lastName: shortText,
      company: Type.Optional(shortText),
      password: Type.Optional(Type.Refine(Type.String(), (value) => value.isWellFormed())),
      passwordHash: Type.Optional(Type.String({ maxLength: 512 })),
      role: Type.Optional(roleName),
      roles: Type.Optional(Type.Array(roleName, { minItems: 1, maxItems: 50, uniqueItems: true })),
      status: Type.Optional(Type.Enum(["active", "suspended"])),
      organizationId: Type.Optional(reference),
      resellerId: Type.Optional(reference),
      tags: Type.Optional(Type.Array(name, { maxItems: 50, uniqueItems: true })),
      metadata: Type.Optional(Type.Array(metadata, { maxItems: 50 })),
      emailPreference: Type.Optional(Type.Object({ metrics: Type.Optional(Type.Boolean()) }, strict)),
      allowCustomerPortalAccess: Type.Optional(Type.Boolean()),
      googleSsoEnabled: Type.Optional(Type.Boolean()),
      twoFactorSecret: Type.Optional(Type.String({ maxLength: 512 })),
      recoveryCodes: Type.Optional(Type.Array(secret, { minItems: 1, maxItems: 50, uniqueItems: true })),
    },
    strict,
  ),
  webhook: Type.Object(
    {
      kind: Type.Literal("webhook"),
      id: Type.Optional(id),
      name,
      url: text(1, 2_048),
      events: Type.Array(Type.String({ maxLength: 100 }), { minItems: 1, maxItems: 50 }),
      active: Type.Optional(Type.Boolean()),
      signatureFormat: Type.Optional(Type.Enum([...signatureFormats])),
      token: Type.Optional(secret),
    },
    strict,
  ),
};

export type ImportKind = keyof typeof schemas;

export type ResellerRecord = Static<typeof schemas.reseller>;
export type OrganizationRecord = Static<typeof schemas.organization>;
export type RoleRecord = Static<typeof schemas.role>;
export type UserRecord = Static<typeof schemas.user>;
export type WebhookRecord = Static<typeof schemas.webhook>;
export type ImportRecord = ResellerRecord | OrganizationRecord | RoleRecord | UserRecord | WebhookRecord;

const isImportKind = (word: string): word is ImportKind => Object.hasOwn(schemas, word);

/** Every kind of line, in the order in which they are applied: what is referred to comes before what refers to it. */
export const importKinds: ImportKind[] = Object.keys(schemas).filter(isImportKind);
