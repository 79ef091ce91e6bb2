import { t } from "elysia";
import { optionalText } from "../../http/schemas.ts";

/** What proves somebody anew in the request itself, where the login is not recent. */
export const freshProofProperties = {
  password: optionalText({
    minLength: 1,
    maxLength: 256,
    description: "The present password: a proof for where the login is older than 15 min.",
  }),
  twoFactorCode: optionalText({
    minLength: 6,
    maxLength: 6,
    emptyIsAbsent: true,
    description: "A code of the authenticator app.",
  }),
  twoFactorRecoveryCode: optionalText({
    minLength: 1,
    maxLength: 256,
    emptyIsAbsent: true,
    description: "A recovery code, where there is no code of the app.",
  }),
};

/** The body of the enrolment calls; all of it may be absent. */
export const freshProofBody = t.Optional(t.Object(freshProofProperties));

export type FreshProofBody = typeof freshProofBody.static | null | undefined;

export const pendingSecret = t.Object({
  email: t.String(),
  url: t.String({ description: "An `otpauth://` URL, good for 10 min: show it as a QR code." }),
  qr: t.Optional(t.String({ description: "With `?qr=true`: the QR code as an SVG in a data URL." })),
});

export const recoveryCodesAnswer = t.Object({
  recoveryCodes: t.Array(t.String(), { description: "Ten codes, told this once; each works once." }),
});

export const twoFactorState = t.Object({
  enabled: t.Boolean(),
  enabledAt: t.Union([t.String(), t.Null()], {
    description: "When the authenticator app in force was confirmed; null where there is none.",
  }),
  recoveryCodesLeft: t.Integer({ description: "How many recovery codes were not used yet." }),
});

/** What was brought as proof; empty and absent are one. */
export function credentialsOf(body: FreshProofBody) {
  return {
    password: body?.password || null,
    twoFactorCode: body?.twoFactorCode || null,
    twoFactorRecoveryCode: body?.twoFactorRecoveryCode || null,
  };
}
