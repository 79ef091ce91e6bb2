import { Elysia, t } from "elysia";
import { errorAnswers } from "../../http/error-answers.ts";
import { type Authenticators, guard } from "../../http/guard.ts";
import { apiError } from "../../lib/errors.ts";
import { userJson, userSchema } from "./model.ts";
import type { UserStore } from "./store.ts";

/** `GET /v3/me` and `GET /v3/me/licenses`. */
export function meRoutes(users: UserStore, authenticators: Authenticators) {
  return new Elysia({ name: "me" })
    .use(guard(authenticators))
    .get(
      "/v3/me",
      async ({ identity, set }) => {
        set.headers["cache-control"] = "no-store";
        const user = await users.findUser(identity.accountId, identity.userId);
        if (user === undefined) throw apiError("UNAUTHENTICATED");
        return userJson(user);
      },
      {
        token: { scope: null },
        response: { 200: userSchema, ...errorAnswers("UNAUTHENTICATED", "INTERNAL_ERROR") },
        detail: { operationId: "me", tags: ["Me"], summary: "The user that the access token speaks for" },
      },
    )
    .get(
      "/v3/me/licenses",
      ({ set }) => {
        set.headers["cache-control"] = "no-store";
        return [];
      },
      {
        token: { scope: null },
        response: { 200: t.Array(t.Object({})), ...errorAnswers("UNAUTHENTICATED", "INTERNAL_ERROR") },
        detail: {
          operationId: "licenses",
          tags: ["Me"],
          summary: "The user's licences: always an empty list",
          description:
            "Postern keeps no licences. Desktop SDKs ask for them after a login and expect a list.",
        },
      },
    );
}
