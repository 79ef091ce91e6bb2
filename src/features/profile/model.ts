import { t } from "elysia";
import { optionalFlags, optionalText, text } from "../../http/schemas.ts";
import { freshProofProperties } from "../enrolment/model.ts";

const name = (description: string) => optionalText({ maxLength: 256, description });

/** A password as it is now: any length that a login takes. */
const presentPassword = { minLength: 1, maxLength: 256 };

/** The body of `PATCH /v3/me`. What is absent or null stays as it is. */
export const profileBody = t.Object({
  firstName: optionalText({ minLength: 1, maxLength: 256, description: "The first name." }),
  lastName: name("The last name."),
  company: name("The company."),
  email: optionalText({
    minLength: 1,
    maxLength: 256,
    email: true,
    description:
      "A new e-mail address. Needs `password`, and the second factor where the login is older than 15 min.",
  }),
  twoFactorEnabled: t.Optional(
    t.Union([t.Boolean(), t.Null()], {
      description:
        "`true` with a `twoFactorCode` confirms the secret of `POST /v3/me/2fa-secret`; `false` with a code, or a recovery code, turns two-factor authentication off.",
    }),
  ),
  ...freshProofProperties,
  emailPreference: optionalFlags("What mails the user wants.", {
    metrics: "Whether mails with metrics are wanted.",
  }),
});

export type ProfileBody = typeof profileBody.static;

/** The body of `update-password`. The new one's bounds are the password policy's, which says why it refuses one. */
export const passwordBody = t.Object({
  oldPassword: text({ ...presentPassword, description: "The present password." }),
  newPassword: text({
    maxLength: 1024,
    description: "The new password: its length counts, not its kinds of characters.",
  }),
});
