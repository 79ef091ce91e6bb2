import { ApiError } from "../../lib/errors.ts";
import { parsePasswordHash } from "../../lib/password-hash.ts";
import { parseTotpSecret } from "../../lib/totp.ts";
import { isUsableRecoveryCode } from "../two-factor/verify.ts";
import { checkNewPassword } from "../users/password-policy.ts";
import { readEventNames } from "../webhooks/check.ts";
import type { ImportRecord, UserRecord, WebhookRecord } from "./model.ts";
import { BadLine } from "./read-record.ts";

export type RecordRules = {
  passwordMinLength: number;
  /** Throws INVALID_REQUEST for a URL that deliveries would be refused to. */
  checkUrl(url: string): void;
};

/** Refuses what the shape of a line cannot show: whatever is looked up nowhere. Throws BadLine. */
export function checkRecord(record: ImportRecord, rules: RecordRules): void {
  if (record.kind === "user") checkUser(record, rules);
  if (record.kind === "webhook") checkWebhook(record, rules);
}

function checkUser(user: UserRecord, { passwordMinLength }: RecordRules): void {
  const { password, passwordHash, twoFactorSecret, recoveryCodes, metadata = [] } = user;
  if (password !== undefined && passwordHash !== undefined) {
    throw new BadLine("password and passwordHash: only one of them can be given");
  }
  if (password !== undefined) {
    field("password", () => checkNewPassword(password, user, passwordMinLength));
  }
  if (passwordHash !== undefined && parsePasswordHash(passwordHash) === undefined) {
    throw new BadLine(
      "passwordHash is no Argon2 or bcrypt hash, or asks for more work than is done for a login",
    );
  }
  if (twoFactorSecret !== undefined && parseTotpSecret(twoFactorSecret) === undefined) {
    throw new BadLine("twoFactorSecret is not base32 of 16 to 256 characters");
  }
  if (recoveryCodes !== undefined && twoFactorSecret === undefined) {
    throw new BadLine("recoveryCodes stand beside a twoFactorSecret only");
  }
  if (recoveryCodes?.some((code) => !isUsableRecoveryCode(code))) {
    throw new BadLine("recoveryCodes have at least 6 characters each, without spaces and dashes");
  }
  if (new Set(metadata.map(({ key }) => key)).size < metadata.length) {
    throw new BadLine("metadata has a key twice");
  }
}

function checkWebhook({ url, events }: WebhookRecord, { checkUrl }: RecordRules): void {
  field("url", () => checkUrl(url));
  field("events", () => readEventNames(events));
}

/** Puts the field's name before what a rule of another feature says of its value. */
export function field<Value>(name: string, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (error instanceof ApiError) throw new BadLine(`${name}: ${error.message}`);
    throw error;
  }
}
