import { Elysia } from "elysia";
import { ApiError } from "../lib/errors.ts";

/** Who a request speaks for, once its token was found good. */
export type Identity = { accountId: string; userId: string; sessionId: string; role: string };

/** Finds out who a Bearer token speaks for; undefined for a token that is not good, whatever the reason. */
export type Authenticate = (token: string) => Promise<Identity | undefined>;

const identities = new WeakMap<Request, Identity>();

/**
 * The one guard of routes that are not public: `{ authenticated: true }` on a route demands a good token and gives its handler `identity`. Asked in
 * `transform`, before the body is validated: a stranger with a bad body is told 401, not what the body should be like.
 */
export function guard(authenticate: Authenticate) {
  return new Elysia({ name: "guard" }).macro({
    authenticated: (_: true) => ({
      detail: { security: [{ accessToken: [] }] },
      async transform({ request }: { request: Request }) {
        identities.set(request, await identify(request, authenticate));
      },
      resolve({ request }: { request: Request }) {
        const identity = identities.get(request);
        if (identity === undefined) throw new Error("a guarded route ran without its guard");
        return { identity };
      },
    }),
  });
}

async function identify(request: Request, authenticate: Authenticate): Promise<Identity> {
  const header = request.headers.get("authorization");
  if (header === null)
    throw new ApiError("UNAUTHENTICATED", undefined, { challenge: 'Bearer realm="postern"' });
  const [scheme = "", token = "", ...rest] = header.split(" ");
  const identity =
    scheme.toLowerCase() === "bearer" && rest.length === 0 && token !== ""
      ? await authenticate(token)
      : undefined;
  if (identity === undefined) {
    throw new ApiError(
      "UNAUTHENTICATED",
      "The access token is not valid, has expired, or its session has ended.",
      {
        challenge: 'Bearer realm="postern", error="invalid_token"',
      },
    );
  }
  return identity;
}
