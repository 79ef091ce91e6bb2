import { Elysia } from "elysia";
import { errorAnswers } from "../../http/error-answers.ts";
import { requestOrigin } from "../../http/request-context.ts";
import { ApiError, apiError } from "../../lib/errors.ts";
import { tokenPair } from "../sessions/model.ts";
import { issueTokens, type TokenDeps } from "../sessions/tokens.ts";
import { enrolmentTicketSeconds, enrolmentTickets } from "../two-factor/enrolment-ticket.ts";
import { type LoginDeps, logIn } from "./login.ts";
import { type LoginBody, loginBody } from "./model.ts";
import type { Rehasher } from "./rehash.ts";

export type LoginRoutesDeps = {
  login: LoginDeps;
  tokens: TokenDeps;
  rehasher: Rehasher;
  /** Told how each login ended, for metrics: `LOGGED_IN`, or the code of its error. */
  observeLogin(result: string): void;
};

const loginErrors = errorAnswers(
  "INVALID_REQUEST",
  "INVALID_CREDENTIALS",
  "MISSING_TWO_FACTOR_CODE",
  "INVALID_TWO_FACTOR_CODE",
  "INVALID_TWO_FACTOR_RECOVERY_CODE",
  "TWO_FACTOR_ENROLMENT_REQUIRED",
  "ACCOUNT_SUSPENDED",
  "USER_SUSPENDED",
  "NOT_FOUND",
  "METHOD_NOT_ALLOWED",
  "PAYLOAD_TOO_LARGE",
  "UNSUPPORTED_MEDIA_TYPE",
  "LOGIN_TEMPORARILY_LOCKED",
  "TOO_MANY_REQUESTS",
  "INTERNAL_ERROR",
  "SERVER_BUSY",
);

const loginDescription = `Checks an e-mail address and password, and the second factor where the user has one, and answers an access token and a refresh token.

The account is found by \`accountId\`, by \`accountAlias\`, or, where the server holds only one, by neither. \`null\` means absent for every optional property.

Five failures within five minutes lock the identity for five minutes: 429 with \`Retry-After\`, whatever the password. The headers \`Origin\` and \`User-Agent\` are kept with the session and the audit entry. Each login that is answered 200 is told to the webhooks that subscribed to \`account.logged-in\`.`;

/** `POST /v3/accounts/login`. */
export function loginRoutes({ login, tokens, rehasher, observeLogin }: LoginRoutesDeps) {
  return new Elysia({ name: "login" }).use(enrolmentTickets(login.secrets, tokens.issuer)).post(
    "/v3/accounts/login",
    async ({ body, request, set, enrolmentTicket }) => {
      set.headers["cache-control"] = "no-store";
      const result = await logIn(login, {
        ...loginOf(body),
        from: requestOrigin(request),
        signal: request.signal,
      }).catch((error: unknown) => {
        observeLogin(error instanceof ApiError ? error.code : "INTERNAL_ERROR");
        throw error;
      });
      if (result.kind === "enrolment-required") {
        const enrolmentToken = await enrolmentTicket.sign({
          sub: result.userId,
          account: result.accountId,
          passwordVersion: result.passwordVersion,
          exp: Math.floor(login.clock.now() / 1_000) + enrolmentTicketSeconds,
        });
        observeLogin("TWO_FACTOR_ENROLMENT_REQUIRED");
        throw apiError("TWO_FACTOR_ENROLMENT_REQUIRED", { enrolmentToken });
      }
      observeLogin("LOGGED_IN");
      if (result.outdatedHash !== null) rehasher.rehash(result.outdatedHash);
      return issueTokens(tokens, result.identity);
    },
    {
      body: loginBody,
      response: { 200: tokenPair, ...loginErrors },
      detail: {
        operationId: "login",
        tags: ["Login"],
        summary: "Log in",
        description: loginDescription,
      },
    },
  );
}

/** Absent, null and, where the contract says so, empty are one. */
function loginOf(body: LoginBody) {
  return {
    accountId: body.accountId || null,
    accountAlias: body.accountAlias || null,
    email: body.email,
    password: body.password,
    twoFactorCode: body.twoFactorCode || null,
    twoFactorRecoveryCode: body.twoFactorRecoveryCode || null,
  };
}
