import { Elysia, t } from "elysia";
import { renderSVG } from "uqr";
import { errorAnswers } from "../../http/error-answers.ts";
import { type Authenticators, guard } from "../../http/guard.ts";
import { requestOrigin } from "../../http/request-context.ts";
import { text } from "../../http/schemas.ts";
import { isoTime } from "../../lib/clock.ts";
import { ApiError, apiError } from "../../lib/errors.ts";
import { rolesOf, type User, userJson, userSchema } from "../users/model.ts";
import { beginEnrolment, type EnrolDeps, replaceRecoveryCodes, resetTwoFactor } from "./enrol.ts";
import { type Asker, demandFreshProof } from "./fresh-proof.ts";
import {
  credentialsOf,
  type FreshProofBody,
  freshProofBody,
  pendingSecret,
  recoveryCodesAnswer,
  twoFactorState,
} from "./model.ts";

export type EnrolmentRoutesDeps = EnrolDeps & {
  findUser(accountId: string, userId: string): Promise<User | undefined>;
  /** What authenticator apps show beside the e-mail address. */
  issuerOf(accountId: string): Promise<string>;
};

const proofErrors = errorAnswers(
  "INVALID_REQUEST",
  "INVALID_CREDENTIALS",
  "MISSING_TWO_FACTOR_CODE",
  "INVALID_TWO_FACTOR_CODE",
  "INVALID_TWO_FACTOR_RECOVERY_CODE",
  "UNAUTHENTICATED",
  "FORBIDDEN",
  "REAUTHENTICATION_REQUIRED",
  "PAYLOAD_TOO_LARGE",
  "UNSUPPORTED_MEDIA_TYPE",
  "LOGIN_TEMPORARILY_LOCKED",
  "INTERNAL_ERROR",
  "SERVER_BUSY",
);

const freshProofSentence =
  "Needs a login, with the second factor where there is one, of the last 15 minutes; or `password` and the second factor in the request. Otherwise 403 `REAUTHENTICATION_REQUIRED`.";

/**
 * The second factor of oneself: a fresh secret, recovery codes, and how it stands; and its reset by an admin. `PATCH
 * /v3/me` confirms and turns off.
 */
export function enrolmentRoutes(deps: EnrolmentRoutesDeps, authenticators: Authenticators) {
  const existing = async (accountId: string, userId: string): Promise<User> => {
    const user = await deps.findUser(accountId, userId);
    if (user === undefined) throw apiError("UNAUTHENTICATED");
    return user;
  };
  const askerOf = (user: User, sessionId: string, request: Request, body: FreshProofBody): Asker => ({
    user,
    sessionId,
    from: requestOrigin(request),
    signal: request.signal,
    credentials: credentialsOf(body),
  });
  return new Elysia({ name: "enrolment" })
    .use(guard(authenticators))
    .post(
      "/v3/me/2fa-secret",
      async ({ body, enrolling, query, request, set }) => {
        const { accountId, userId, sessionId } = enrolling;
        set.headers["cache-control"] = "no-store";
        const user = await existing(accountId, userId);
        if (sessionId !== null) await demandFreshProof(deps, askerOf(user, sessionId, request, body));
        const begun = await beginEnrolment(deps, user, await deps.issuerOf(accountId));
        return query.qr === "true" ? { ...begun, qr: dataUrl(renderSVG(begun.url)) } : begun;
      },
      {
        enrolment: true,
        body: freshProofBody,
        query: t.Object({
          qr: t.Optional(
            t.Union([t.Literal("true"), t.Literal("false")], {
              description: "`true`: adds the QR code as an SVG.",
            }),
          ),
        }),
        response: { 200: pendingSecret, ...proofErrors },
        detail: {
          operationId: "beginTwoFactor",
          tags: ["Two-factor"],
          summary: "Get a secret for an authenticator app",
          description: `A fresh secret that waits 10 minutes for \`PATCH /v3/me\` with \`{"twoFactorEnabled": true, "twoFactorCode": "…"}\`. An active second factor stays as it is until then. The issuer is the account's company, shortened to 64 characters. ${freshProofSentence} An \`enrolmentToken\` will do, too.`,
        },
      },
    )
    .post(
      "/v3/me/2fa-recovery-codes",
      async ({ body, identity, request, set }) => {
        const { accountId, userId, sessionId } = identity;
        set.headers["cache-control"] = "no-store";
        const user = await existing(accountId, userId);
        const asker = askerOf(user, sessionId, request, body);
        await demandFreshProof(deps, asker);
        return { recoveryCodes: await replaceRecoveryCodes(deps, asker) };
      },
      {
        session: true,
        body: freshProofBody,
        response: { 200: recoveryCodesAnswer, ...proofErrors },
        detail: {
          operationId: "replaceRecoveryCodes",
          tags: ["Two-factor"],
          summary: "Get ten new recovery codes",
          description: `They replace the former ones and are told this once. Each logs in once, in the place of a code of the app; case, spaces and dashes do not matter. \`two-factor.recovery-code-used\` tells webhooks how many are left. ${freshProofSentence}`,
        },
      },
    )
    .get(
      "/v3/me/2fa",
      async ({ identity, set }) => {
        const { accountId, userId } = identity;
        set.headers["cache-control"] = "no-store";
        const found = await deps.store.findSecondFactor({ accountId, userId });
        if (found === undefined) return { enabled: false, enabledAt: null, recoveryCodesLeft: 0 };
        return {
          enabled: true,
          enabledAt: isoTime(found.enabledAt),
          recoveryCodesLeft: found.recoveryCodesLeft,
        };
      },
      {
        session: true,
        response: { 200: twoFactorState, ...errorAnswers("UNAUTHENTICATED", "FORBIDDEN", "INTERNAL_ERROR") },
        detail: {
          operationId: "twoFactorState",
          tags: ["Two-factor"],
          summary: "How one's own second factor stands",
          description: "Needs no recent login. A secret that waits for its first code does not count.",
        },
      },
    )
    .post(
      "/v3/users/:id/reset-2fa",
      async ({ identity, params, request, set }) => {
        set.headers["cache-control"] = "no-store";
        const user = await deps.findUser(identity.accountId, params.id);
        if (user === undefined) throw apiError("NOT_FOUND");
        // No way round the recent proof, and the code, that turning it off takes.
        if (user.id === identity.userId) {
          throw new ApiError(
            "FORBIDDEN",
            "Turn your own second factor off with PATCH /v3/me, or have another admin reset it.",
          );
        }
        // Who is reset can be logged in as by whoever has the password: an admin must not become a super-admin so.
        if (rolesOf(user).includes("super-admin") && identity.role !== "super-admin") {
          throw new ApiError("FORBIDDEN", "Only a super-admin resets a super-admin.");
        }
        const by = { actor: "user", from: requestOrigin(request), userId: identity.userId } as const;
        return userJson(await resetTwoFactor({ ...deps.attempts, store: deps.store }, user, by));
      },
      {
        token: { scope: "users:write", roles: ["super-admin", "admin"] },
        params: t.Object({ id: text({ minLength: 1, maxLength: 36, description: "The user's id." }) }),
        response: {
          200: userSchema,
          ...errorAnswers(
            "INVALID_REQUEST",
            "UNAUTHENTICATED",
            "FORBIDDEN",
            "NOT_FOUND",
            "INTERNAL_ERROR",
            "SERVER_BUSY",
          ),
        },
        detail: {
          operationId: "resetTwoFactor",
          tags: ["Two-factor"],
          summary: "Reset the second factor of a user who lost it",
          description:
            "Forgets secret and recovery codes and ends the user's sessions. It is audited, and `user.updated` is sent. A super-admin is reset by a super-admin only, and nobody resets themselves: `PATCH /v3/me` turns one's own second factor off.",
        },
      },
    );
}

function dataUrl(svg: string): string {
  return `data:image/svg+xml;base64,${Buffer.from(svg).toString("base64")}`;
}
