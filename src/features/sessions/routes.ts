import { Elysia, t } from "elysia";
import { errorAnswers } from "../../http/error-answers.ts";
import { requestOrigin } from "../../http/request-context.ts";
import { text } from "../../http/schemas.ts";
import { tokenPair } from "./model.ts";
import { refreshTokens, type TokenDeps } from "./tokens.ts";

/** How long others may keep the key set: short enough that a withdrawn key is soon forgotten. */
const jwksMaxAgeSeconds = 300;

/** Refresh tokens have 75 characters; the bound leaves room for a longer form. */
const refreshBody = t.Object({
  refreshToken: text({ minLength: 1, maxLength: 512, description: "The refresh token of the last answer." }),
});

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

/** `POST /v3/accounts/refresh` and `GET /.well-known/jwks.json`. */
export function sessionRoutes(tokens: TokenDeps) {
  return new Elysia({ name: "sessions" })
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
          ...errorAnswers("INVALID_REQUEST", "INVALID_REFRESH_TOKEN", "INTERNAL_ERROR", "SERVER_BUSY"),
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
        set.headers["cache-control"] = `public, max-age=${jwksMaxAgeSeconds}`;
        return tokens.keys.jwks(tokens.clock.now());
      },
      {
        response: { 200: jsonWebKeySet },
        detail: {
          operationId: "jwks",
          tags: ["Verify tokens"],
          summary: "The public keys that access tokens are verified with",
          description: "A JSON Web Key Set (RFC 7517).",
        },
      },
    );
}
