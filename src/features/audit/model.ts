/** Where a request came from, as kept with sessions and audit entries. Texts are cut to their bounds at the edge. */
export type RequestOrigin = { address: string | null; origin: string | null; userAgent: string | null };

/** What somebody at the command line is recorded as: there is no request. */
export const noRequest: RequestOrigin = { address: null, origin: null, userAgent: null };

export type AuditDetails = Record<string, string | number | boolean | null>;

/** Every action that is recorded, named `noun.what-happened`. */
export type AuditAction =
  | "account.created"
  | "account.suspended"
  | "account.resumed"
  | "account.two-factor-requirement-changed"
  | "user.created"
  | "user.imported"
  | "role.imported"
  | "organization.imported"
  | "reseller.imported"
  | "user.suspended"
  | "user.resumed"
  | "user.unlocked"
  | "user.profile-changed"
  | "user.password-changed"
  | "user.password-rehashed"
  | "webhook.created"
  | "webhook.imported"
  | "webhook.unhealthy"
  | "webhook.recovered"
  | "webhook.suspended"
  | "webhook.resumed"
  | "login.succeeded"
  | "login.failed"
  | "login.locked"
  | "session.reuse-detected"
  | "session.ended"
  | "two-factor.enabled"
  | "two-factor.disabled"
  | "two-factor.reset"
  | "two-factor.recovery-code-used"
  | "two-factor.recovery-codes-replaced"
  | "access-token.created"
  | "access-token.revoked";

export type AuditEntry = {
  id: string;
  accountId: string;
  at: number;
  action: AuditAction;
  actor: "user" | "server" | "operator";
  target: {
    kind: "account" | "reseller" | "organization" | "role" | "user" | "session" | "webhook" | "access-token";
    id: string;
  };
  from: RequestOrigin;
  details: AuditDetails;
};
