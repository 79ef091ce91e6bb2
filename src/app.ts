import { Elysia } from "elysia";
import { authenticatePersonalToken } from "./features/access-tokens/authenticate.ts";
import { accessTokenPrefix } from "./features/access-tokens/model.ts";
import type { AccessTokenStore } from "./features/access-tokens/store.ts";
import type { AccountStore } from "./features/accounts/store.ts";
import { authenticateTicket, type TicketDeps } from "./features/enrolment/authenticate-ticket.ts";
import { enrolmentRoutes } from "./features/enrolment/routes.ts";
import { type LoginRoutesDeps, loginRoutes } from "./features/login/routes.ts";
import type { ProfileDeps } from "./features/profile/change.ts";
import { profileRoutes } from "./features/profile/routes.ts";
import { sessionRoutes } from "./features/sessions/routes.ts";
import { authenticateAccessToken } from "./features/sessions/tokens.ts";
import { ticketReader } from "./features/two-factor/enrolment-ticket.ts";
import { meRoutes } from "./features/users/routes.ts";
import type { UserStore } from "./features/users/store.ts";
import { edge } from "./http/edge.ts";
import { errorTranslator } from "./http/error-translator.ts";
import type { Authenticators } from "./http/guard.ts";
import { knownRoutes } from "./http/routes.ts";
import { type HealthDeps, healthRoutes } from "./ops/health.ts";
import type { DocumentFacts } from "./ops/openapi.ts";
import { swaggerUi } from "./ops/swagger.ts";

export type AppDeps = LoginRoutesDeps & {
  users: UserStore;
  accounts: AccountStore;
  accessTokens: AccessTokenStore;
  profile: ProfileDeps;
  health: HealthDeps;
  corsOrigins: readonly string[];
  /** What Swagger UI says of this server; null where it is off. */
  swagger: DocumentFacts | null;
};

/**
 * The application: the translator first, since Elysia covers only what comes after, then what every request meets,
 * then the features, then what operators need. No socket: `app.handle(request)` answers.
 */
export function makeApp(deps: AppDeps) {
  // All routes are known only when the last one is there; a request comes later still.
  let known = knownRoutes([]);
  const authenticators = authenticatorsOf(deps);
  const app = new Elysia({ name: "postern" })
    .use(errorTranslator(deps.login.log))
    .use(edge({ corsOrigins: deps.corsOrigins, routes: () => known }))
    .use(loginRoutes(deps))
    .use(sessionRoutes(deps.tokens, authenticators))
    .use(meRoutes(deps.users, authenticators))
    .use(
      enrolmentRoutes(
        { ...deps.profile, findUser: deps.users.findUser, issuerOf: issuerOf(deps) },
        authenticators,
      ),
    )
    .use(profileRoutes(deps.profile, authenticators))
    .use(healthRoutes(deps.health));
  if (deps.swagger !== null) app.use(swaggerUi(app, deps.swagger));
  known = knownRoutes(app.routes);
  return app;
}

/** The account's company is what an authenticator app shows. */
function issuerOf({ accounts }: AppDeps) {
  return async (accountId: string): Promise<string> =>
    (await accounts.findAccount(accountId))?.company || "Postern";
}

/**
 * Who judges which token: access tokens of sessions, personal access tokens, and the tickets of those who must enrol.
 */
function authenticatorsOf({ accessTokens, login, tokens, users }: AppDeps): Authenticators {
  const { clock } = tokens;
  const ticketDeps: TicketDeps = {
    read: ticketReader(login.secrets, tokens.issuer),
    findUser: users.findUser,
    async passwordVersionOf({ accountId, email }) {
      const account = await login.store.findLoginAccount(accountId, null);
      if (account?.status !== "active") return undefined;
      return (await login.store.findLoginUser(accountId, email))?.passwordVersion;
    },
    clock,
  };
  return {
    authenticate: (token) =>
      token.startsWith(accessTokenPrefix)
        ? authenticatePersonalToken({ store: accessTokens, clock }, token)
        : authenticateAccessToken(tokens, token),
    authenticateTicket: (token) => authenticateTicket(ticketDeps, token),
  };
}
