import { t } from "elysia";
import { optionalText, text } from "../../http/schemas.ts";

const user = { email: "admin@postern.local", password: "correct horse battery staple" };

/** Bodies to start from, as the documentation offers them by name. */
const examples = {
  onlyAccount: { summary: "The server's only account", value: user },
  accountById: {
    summary: "An account by its id",
    value: { accountId: "0198c0de-7a5b-7000-8000-5f6c1d2e3a4b", ...user },
  },
  accountByAlias: { summary: "An account by its alias", value: { accountAlias: "default", ...user } },
  twoFactorCode: { summary: "With an authenticator's code", value: { ...user, twoFactorCode: "123456" } },
  recoveryCode: {
    summary: "With a recovery code",
    value: { ...user, twoFactorRecoveryCode: "K7QF2-9XWMB" },
  },
};

/**
 * The body of `POST /v3/accounts/login`: bounds as published. `null` means absent; for the two-factor properties `""`
 * does too.
 */
export const loginBody = t.Object(
  {
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
  },
  { examples },
);

export type LoginBody = typeof loginBody.static;
