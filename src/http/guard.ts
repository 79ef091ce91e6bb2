import { Elysia } from "elysia";
import { ApiError, apiError } from "../lib/errors.ts";

/** Who a request speaks for, once its token was found good. */
export type Identity = {
  accountId: string;
  userId: string;
  role: string;
  /** The session of an access token; null for a personal access token. */
  sessionId: string | null;
  /** What a personal access token may do; `all` for a session. */
  scopes: "all" | readonly string[];
};

/** An identity that came by a login. */
export type SessionBound = Identity & { sessionId: string };

/** Finds out who a Bearer token speaks for; undefined for a token that is not good, whatever the reason. */
export type Authenticate = (token: string) => Promise<Identity | undefined>;

/** Somebody who must enrol in two-factor authentication before the first login: good for the enrolment calls alone. */
export type Enrolling = { accountId: string; userId: string; sessionId: string | null };

/** How tokens are judged, each by its kind. */
export type Authenticators = {
  authenticate: Authenticate;
  authenticateTicket(token: string): Promise<{ accountId: string; userId: string } | undefined>;
};

/**
 * What a route demands beyond a good token: data on the route, so that the document shows it and no handler forgets
 * it.
 */
export type Demand = {
  /** What a personal access token must have been given; null where any will do. */
  scope: string | null;
  /** Roles of which the user must hold one. */
  roles?: readonly string[];
};

const realm = 'Bearer realm="postern"';

const identities = new WeakMap<Request, Identity>();
const enrolling = new WeakMap<Request, Enrolling>();

/**
 * The one guard of routes that are not public. `{ session: true }` on a route demands the access token of a login and
 * gives its handler `identity`; `{ token: {…} }` takes personal access tokens too, `{ enrolment: true }` the tickets
 * of those who must enrol. Asked in `transform`, before the body is validated: a stranger with a bad body is told
 * 401, not what the body should be like.
 */
export function guard({ authenticate, authenticateTicket }: Authenticators) {
  return new Elysia({ name: "guard" }).macro({
    session: (_: true) => ({
      detail: { security: [{ accessToken: [] }] },
      async transform({ request }: { request: Request }) {
        identities.set(request, demandSession(await identify(request, authenticate)));
      },
      resolve({ request }: { request: Request }) {
        return { identity: sessionOf(request) };
      },
    }),
    enrolment: (_: true) => ({
      detail: { security: [{ accessToken: [] }, { enrolmentToken: [] }] },
      async transform({ request }: { request: Request }) {
        const token = bearerToken(request);
        const ticket = token === null ? undefined : await authenticateTicket(token);
        enrolling.set(
          request,
          ticket === undefined
            ? demandSession(await identify(request, authenticate))
            : { ...ticket, sessionId: null },
        );
      },
      resolve({ request }: { request: Request }) {
        return { enrolling: enrollingOf(request) };
      },
    }),
    token: (demand: Demand) => ({
      // OpenAPI 3.0 keeps scopes of `security` for OAuth: the document puts these two into words.
      detail: {
        security: [{ accessToken: [] }, { personalAccessToken: [] }],
        "x-required-scope": demand.scope ?? undefined,
        "x-required-roles": demand.roles,
      },
      async transform({ request }: { request: Request }) {
        const identity = await identify(request, authenticate);
        checkDemand(identity, demand);
        identities.set(request, identity);
      },
      resolve({ request }: { request: Request }) {
        return { identity: identityOf(request) };
      },
    }),
  });
}

function demandSession(identity: Identity): Identity {
  if (identity.sessionId === null) throw sessionNeeded();
  return identity;
}

/** FORBIDDEN for a token that is good, but of no login. */
export function sessionNeeded(): ApiError {
  return new ApiError("FORBIDDEN", "A personal access token cannot do this: log in.", {
    challenge: `${realm}, error="insufficient_scope"`,
  });
}

// The hooks above stay as plain as this: Elysia reads their source to see what they use, and stumbles over
// destructuring within.

function sessionOf(request: Request): SessionBound {
  const { sessionId, ...identity } = identityOf(request);
  if (sessionId === null) throw new Error("a route for sessions ran without one");
  return { ...identity, sessionId };
}

function enrollingOf(request: Request): Enrolling {
  const found = enrolling.get(request);
  if (found === undefined) throw new Error("a guarded route ran without its guard");
  return found;
}

function identityOf(request: Request): Identity {
  const identity = identities.get(request);
  if (identity === undefined) throw new Error("a guarded route ran without its guard");
  return identity;
}

function checkDemand({ scopes, role }: Identity, demand: Demand): void {
  if (demand.scope !== null && scopes !== "all" && !scopes.includes(demand.scope)) {
    throw new ApiError("FORBIDDEN", `The token lacks the scope ${demand.scope}.`, {
      challenge: `${realm}, error="insufficient_scope", scope="${demand.scope}"`,
    });
  }
  if (demand.roles !== undefined && !demand.roles.includes(role)) {
    throw new ApiError("FORBIDDEN", `This needs one of the roles ${demand.roles.join(", ")}.`);
  }
}

async function identify(request: Request, authenticate: Authenticate): Promise<Identity> {
  const token = bearerToken(request);
  const identity = token === null ? undefined : await authenticate(token);
  if (identity !== undefined) return identity;
  throw unauthenticated(request);
}

/** UNAUTHENTICATED for this request, with the challenge of RFC 6750: nothing is said of a token where none was sent. */
export function unauthenticated(request: Request): ApiError {
  if (request.headers.get("authorization") === null) return apiError("UNAUTHENTICATED", { challenge: realm });
  return new ApiError(
    "UNAUTHENTICATED",
    "The access token is not valid, has expired, or its session has ended.",
    { challenge: `${realm}, error="invalid_token"` },
  );
}

/**
 * The Bearer token of a request (RFC 6750, section 2.1); null when there is none. Never taken from the URL, which
 * ends in logs.
 */
export function bearerToken(request: Request): string | null {
  const [scheme = "", token = "", ...rest] = (request.headers.get("authorization") ?? "").split(" ");
  return scheme.toLowerCase() === "bearer" && rest.length === 0 && token !== "" ? token : null;
}
