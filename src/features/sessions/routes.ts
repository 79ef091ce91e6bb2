import { Elysia, t } from "elysia";
import { errorAnswers } from "../../http/error-answers.ts";
import { type Authenticators, bearerToken, guard, sessionNeeded, unauthenticated } from "../../http/guard.ts";
import { requestOrigin } from "../../http/request-context.ts";
import { optionalText, text } from "../../http/schemas.ts";
import { type ApiError, apiError } from "../../lib/errors.ts";
import { endAll, endOne, logOut } from "./logout.ts";
import { sessionJson, sessionSchema, tokenPair } from "./model.ts";
import { refreshTokens, type TokenDeps } from "./tokens.ts";

/**
 * How long others may keep the key set at most, in seconds: whoever keeps it so long forgets a withdrawn key after as
 * long.
 */
const longestJwksAge = 300;

/**
 * Half of the time for which a new key is published before it signs: whoever keeps the set for as long knows the key
 * in time.
 */
function jwksMaxAge({ keyPublishAhead }: TokenDeps): number {
  return Math.min(longestJwksAge, Math.floor(keyPublishAhead / 2_000));
}

/**
 * Refresh tokens have 75 characters. The bound takes in what clients confuse with them, an access token say: that is
 * answered like any other wrong one.
 */
const refreshBody = t.Object({
  refreshToken: text({ minLength: 1, maxLength: 4096, description: "The refresh token of the last answer." }),
});

const issuerMetadataSchema = t.Object({
  issuer: t.String(),
  jwks_uri: t.String(),
  id_token_signing_alg_values_supported: t.Array(t.String()),
  token_endpoint_auth_methods_supported: t.Array(t.String()),
  response_types_supported: t.Array(t.String()),
  subject_types_supported: t.Array(t.String()),
});

function issuerMetadata(issuer: string): typeof issuerMetadataSchema.static {
  return {
    issuer,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    id_token_signing_alg_values_supported: ["ES256"],
    token_endpoint_auth_methods_supported: [],
    response_types_supported: [],
    subject_types_supported: ["public"],
  };
}

const logoutBody = t.Optional(
  t.Object(
    {
      refreshToken: optionalText({
        maxLength: 4096,
        description:
          "The session's refresh token, of any generation. Absent: the session of the access token.",
      }),
    },
    { "x-optional": true },
  ),
);

const jsonWebKeySet = t.Object({
  keys: t.Array(
    t.Object({
      kty: t.String(),
      crv: t.String(),
      x: t.String(),
      y: t.String(),
      kid: t.String(),
      alg: t.String(),
      use: t.String(),
    }),
  ),
});

/** `POST /v3/accounts/refresh` and `/logout`, `/v3/me/sessions`, and the key set. */
export function sessionRoutes(tokens: TokenDeps, authenticators: Authenticators) {
  return new Elysia({ name: "sessions" })
    .use(guard(authenticators))
    .post(
      "/v3/accounts/refresh",
      ({ body, request, set }) => {
        set.headers["cache-control"] = "no-store";
        return refreshTokens(tokens, body.refreshToken, requestOrigin(request));
      },
      {
        body: refreshBody,
        response: {
          200: tokenPair,
          ...errorAnswers(
            "INVALID_REQUEST",
            "INVALID_REFRESH_TOKEN",
            "PAYLOAD_TOO_LARGE",
            "UNSUPPORTED_MEDIA_TYPE",
            "INTERNAL_ERROR",
            "SERVER_BUSY",
          ),
        },
        detail: {
          operationId: "refresh",
          tags: ["Login"],
          summary: "Exchange a refresh token for the next pair of tokens",
          description:
            "Each refresh token is good once. Sending one again within the grace (30 s unless set otherwise) answers the same successor, for lost answers and second tabs; later it ends the session.",
        },
      },
    )
    .get(
      "/.well-known/jwks.json",
      ({ set }) => {
        set.headers["cache-control"] = `public, max-age=${jwksMaxAge(tokens)}`;
        return tokens.keys.jwks(tokens.clock.now());
      },
      {
        response: { 200: jsonWebKeySet },
        detail: {
          operationId: "jwks",
          tags: ["Verify tokens"],
          summary: "The public keys that access tokens are verified with",
          description: "A JSON Web Key Set (RFC 7517). A new key stands here before it signs.",
        },
      },
    )
    .get(
      "/.well-known/openid-configuration",
      ({ set }) => {
        set.headers["cache-control"] = `public, max-age=${longestJwksAge}`;
        return issuerMetadata(tokens.issuer);
      },
      {
        response: { 200: issuerMetadataSchema },
        detail: {
          operationId: "issuerMetadata",
          tags: ["Verify tokens"],
          summary: "Where the keys are, for verifiers that look an issuer up",
          description:
            "The part of OpenID Connect Discovery that verifiers of access tokens read. Postern is no OpenID provider: there is no authorization endpoint.",
        },
      },
    )
    .post(
      "/v3/accounts/logout",
      async ({ body, request, set }) => {
        const proof = { accessToken: bearerToken(request), refreshToken: body?.refreshToken || null };
        if (!(await logOut(tokens, proof, requestOrigin(request)))) {
          throw await whyNoSession(proof.accessToken, request, authenticators);
        }
        set.status = 204;
      },
      {
        body: logoutBody,
        response: {
          204: t.Void({ description: "The session has ended, now or before." }),
          ...errorAnswers(
            "INVALID_REQUEST",
            "INVALID_REFRESH_TOKEN",
            "UNAUTHENTICATED",
            "FORBIDDEN",
            "PAYLOAD_TOO_LARGE",
            "UNSUPPORTED_MEDIA_TYPE",
            "INTERNAL_ERROR",
            "SERVER_BUSY",
          ),
        },
        detail: {
          operationId: "logout",
          tags: ["Login"],
          summary: "Log out: end a session",
          // Either will do, so that the page sends the access token where it has one.
          security: [{ accessToken: [] }, {}],
          description:
            "Ends the session of the `refreshToken` or, without one, of the access token in the Authorization header. Repeating it is fine. Refreshing stops at once; access tokens end within their lifetime, and at once for Postern itself.",
        },
      },
    )
    .get(
      "/v3/me/sessions",
      async ({ identity, set }) => {
        set.headers["cache-control"] = "no-store";
        const limits = { now: tokens.clock.now(), idle: tokens.refreshTokenIdle };
        const live = await tokens.store.listLiveSessions(identity, limits);
        return live.map((session) => sessionJson(session, identity.sessionId));
      },
      {
        session: true,
        response: {
          200: t.Array(sessionSchema, { description: "100 at most." }),
          ...errorAnswers("UNAUTHENTICATED", "FORBIDDEN", "INTERNAL_ERROR"),
        },
        detail: {
          operationId: "listSessions",
          tags: ["Me"],
          summary: "The user's sessions, the last used first",
          description:
            "Those that can still be refreshed, with where each login came from. `current` is the one that asks.",
        },
      },
    )
    .delete(
      "/v3/me/sessions",
      async ({ identity, query, request, set }) => {
        const except = query.keepCurrent === "true" ? identity.sessionId : null;
        await endAll(tokens, { ...identity, except }, requestOrigin(request));
        set.status = 204;
      },
      {
        session: true,
        query: t.Object({
          keepCurrent: t.Optional(
            t.Union([t.Literal("true"), t.Literal("false")], {
              description: "`true`: the session that asks goes on.",
            }),
          ),
        }),
        response: {
          204: t.Void({ description: "They have ended." }),
          ...errorAnswers("INVALID_REQUEST", "UNAUTHENTICATED", "FORBIDDEN", "INTERNAL_ERROR", "SERVER_BUSY"),
        },
        detail: {
          operationId: "endSessions",
          tags: ["Me"],
          summary: "End all sessions, or all but this one",
          description:
            "Logs the user out everywhere, as after a device was lost. With `keepCurrent=true` the session that asks goes on.",
        },
      },
    )
    .delete(
      "/v3/me/sessions/:id",
      async ({ identity, params, request, set }) => {
        const named = { id: params.id, userId: identity.userId, accountId: identity.accountId };
        if (!(await endOne(tokens, named, "logout", requestOrigin(request)))) throw apiError("NOT_FOUND");
        set.status = 204;
      },
      {
        session: true,
        params: t.Object({ id: text({ minLength: 1, maxLength: 36, description: "The session's id." }) }),
        response: {
          204: t.Void({ description: "It has ended." }),
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
          operationId: "endSession",
          tags: ["Me"],
          summary: "End one session",
          description:
            "Ends one of the user's own sessions, this one too. Sessions of others and those that have ended answer 404, alike.",
        },
      },
    );
}

/**
 * Logout is beside the guard, which would refuse the token of a session that has ended: repeating a logout is fine. A
 * token of no session at all gets what the guard would say.
 */
async function whyNoSession(
  token: string | null,
  request: Request,
  { authenticate }: Authenticators,
): Promise<ApiError> {
  const identity = token === null ? undefined : await authenticate(token);
  return identity === undefined ? unauthenticated(request) : sessionNeeded();
}
