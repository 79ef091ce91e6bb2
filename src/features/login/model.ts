import { t } from "elysia";
import { optionalText, text } from "../../http/schemas.ts";

/** The body of `POST /v3/accounts/login`: bounds as published. `null` means absent; for the two-factor properties `""` does too. */
export const loginBody = t.Object({
  accountId: optionalText({
    maxLength: 36,
    description:
      "The account's id. Empty, null or absent when `accountAlias` names the account, or when there is only one.",
    example: "",
  }),
  accountAlias: optionalText({
    maxLength: 256,
    description:
      "The account's alias, without regard to case. Given with `accountId`, both must name the same account.",
    example: "default",
  }),
  email: text({
    minLength: 1,
    maxLength: 256,
    email: true,
    description: "The user's e-mail address, without regard to case.",
    example: "admin@postern.local",
  }),
  password: text({
    minLength: 8,
    maxLength: 256,
    description: "The user's password: compared exactly, in Unicode's NFC form.",
    example: "correct horse battery staple",
  }),
  twoFactorCode: optionalText({
    minLength: 6,
    maxLength: 6,
    emptyIsAbsent: true,
    description:
      "The six-digit code of the user's authenticator app. Ignored for a user without two-factor authentication.",
    example: "",
  }),
  twoFactorRecoveryCode: optionalText({
    minLength: 1,
    maxLength: 256,
    emptyIsAbsent: true,
    description:
      "One of the user's recovery codes. Tried only when no `twoFactorCode` is given; each works once.",
    example: "",
  }),
});

export type LoginBody = typeof loginBody.static;
