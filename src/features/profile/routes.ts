import { Elysia, t } from "elysia";
import { errorAnswers } from "../../http/error-answers.ts";
import { type Authenticators, guard, type SessionBound } from "../../http/guard.ts";
import { requestOrigin } from "../../http/request-context.ts";
import { text } from "../../http/schemas.ts";
import { apiError } from "../../lib/errors.ts";
import { credentialsOf } from "../enrolment/model.ts";
import { type ProfileChanges, userJson, userSchema } from "../users/model.ts";
import {
  changePassword,
  changeProfile,
  enrolByTicket,
  type ProfileDeps,
  type ProfileRequest,
  type Self,
} from "./change.ts";
import { type ProfileBody, passwordBody, profileBody } from "./model.ts";

const passwordErrors = errorAnswers(
  "INVALID_REQUEST",
  "INVALID_CREDENTIALS",
  "WEAK_PASSWORD",
  "UNAUTHENTICATED",
  "FORBIDDEN",
  "PAYLOAD_TOO_LARGE",
  "UNSUPPORTED_MEDIA_TYPE",
  "LOGIN_TEMPORARILY_LOCKED",
  "INTERNAL_ERROR",
  "SERVER_BUSY",
);

const passwordAnswers = {
  204: t.Void({ description: "It is changed, and all other sessions of the user have ended." }),
  ...passwordErrors,
};

/**
 * What users change of themselves: `PATCH /v3/me` and `update-password`, which older clients call under `/v3/users`.
 */
export function profileRoutes(deps: ProfileDeps, authenticators: Authenticators) {
  return new Elysia({ name: "profile" })
    .use(guard(authenticators))
    .patch(
      "/v3/me",
      async ({ body, enrolling, request, set }) => {
        const { accountId, userId, sessionId } = enrolling;
        set.headers["cache-control"] = "no-store";
        const self = { accountId, userId, from: requestOrigin(request), signal: request.signal };
        const asked = requestOf(body);
        const user =
          sessionId === null
            ? await enrolByTicket(deps, self, asked)
            : await changeProfile(deps, { ...self, sessionId }, asked);
        return userJson(user);
      },
      {
        enrolment: true,
        body: profileBody,
        response: {
          200: userSchema,
          ...errorAnswers(
            "INVALID_REQUEST",
            "INVALID_CREDENTIALS",
            "MISSING_TWO_FACTOR_CODE",
            "INVALID_TWO_FACTOR_CODE",
            "INVALID_TWO_FACTOR_RECOVERY_CODE",
            "UNAUTHENTICATED",
            "FORBIDDEN",
            "REAUTHENTICATION_REQUIRED",
            "CONFLICT",
            "PAYLOAD_TOO_LARGE",
            "UNSUPPORTED_MEDIA_TYPE",
            "LOGIN_TEMPORARILY_LOCKED",
            "INTERNAL_ERROR",
            "SERVER_BUSY",
          ),
        },
        detail: {
          operationId: "updateMe",
          tags: ["Me"],
          summary: "Change one's own names, company, e-mail address, preferences or second factor",
          description:
            "What is absent or null stays as it is. A new e-mail address needs the present `password`. It, and turning two-factor authentication on or off, need a login of the last 15 minutes (with the second factor where there is one), or `password` and the second factor in the request: otherwise 403 `REAUTHENTICATION_REQUIRED`. The address and the second factor are changed in two requests. Wrong codes and passwords count in the lock. The code that turns it on is spent by that: a login needs the next one. An `enrolmentToken` is good for turning it on, and for nothing else.",
        },
      },
    )
    .post(
      "/v3/me/update-password",
      async ({ body, identity, request, set }) => {
        await changePassword(deps, selfOf(identity, request), body);
        set.status = 204;
      },
      {
        session: true,
        body: passwordBody,
        response: passwordAnswers,
        detail: {
          operationId: "updateMyPassword",
          tags: ["Me"],
          summary: "Change one's own password",
          description:
            "Ends all other sessions of the user; the one that asks goes on. A wrong old password counts like a failed login. The new one may be of any characters: refused are too short ones, the commonest of past leaks, and the e-mail address.",
        },
      },
    )
    .post(
      "/v3/users/:id/update-password",
      async ({ body, identity, params, request, set }) => {
        if (params.id !== identity.userId) throw apiError("FORBIDDEN");
        await changePassword(deps, selfOf(identity, request), body);
        set.status = 204;
      },
      {
        session: true,
        params: t.Object({ id: text({ minLength: 1, maxLength: 36, description: "One's own id." }) }),
        body: passwordBody,
        response: passwordAnswers,
        detail: {
          operationId: "updateUserPassword",
          tags: ["Me"],
          summary: "Change one's own password, by id",
          description:
            "The same as `/v3/me/update-password`, under the path that other clients know. Other users' ids answer 403.",
        },
      },
    );
}

function selfOf({ accountId, userId, sessionId }: SessionBound, request: Request): Self {
  return { accountId, userId, sessionId, from: requestOrigin(request), signal: request.signal };
}

function requestOf(body: ProfileBody): ProfileRequest {
  return {
    changes: changesOf(body),
    twoFactorEnabled: body.twoFactorEnabled ?? null,
    credentials: credentialsOf(body),
  };
}

/** Null means absent: what a client does not know stays as it is. */
function changesOf({ firstName, lastName, company, email, emailPreference }: ProfileBody): ProfileChanges {
  const given: ProfileChanges = {
    firstName: firstName ?? undefined,
    lastName: lastName ?? undefined,
    company: company ?? undefined,
    email: email ?? undefined,
    emailPreferenceMetrics: emailPreference?.metrics ?? undefined,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
