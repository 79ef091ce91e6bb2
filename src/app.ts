import { Elysia } from "elysia";
import { authenticatePersonalToken } from "./features/access-tokens/authenticate.ts";
import { accessTokenPrefix } from "./features/access-tokens/model.ts";
import type { AccessTokenStore } from "./features/access-tokens/store.ts";
import { type LoginRoutesDeps, loginRoutes } from "./features/login/routes.ts";
import type { ProfileDeps } from "./features/profile/change.ts";
import { profileRoutes } from "./features/profile/routes.ts";
import { sessionRoutes } from "./features/sessions/routes.ts";
import { authenticateAccessToken } from "./features/sessions/tokens.ts";
import { meRoutes } from "./features/users/routes.ts";
import type { UserStore } from "./features/users/store.ts";
import { edge } from "./http/edge.ts";
import { errorTranslator } from "./http/error-translator.ts";
import type { Authenticate } from "./http/guard.ts";
import { knownRoutes } from "./http/routes.ts";
import { type HealthDeps, healthRoutes } from "./ops/health.ts";
import type { DocumentFacts } from "./ops/openapi.ts";
import { swaggerUi } from "./ops/swagger.ts";

export type AppDeps = LoginRoutesDeps & {
  users: UserStore;
  accessTokens: AccessTokenStore;
  profile: ProfileDeps;
  health: HealthDeps;
  corsOrigins: readonly string[];
  /** What Swagger UI says of this server; null where it is off. */
  swagger: DocumentFacts | null;
};

/**
 * The application: the translator first, since Elysia covers only what comes after, then what every request meets, then the
 * features, then what operators need. No socket: `app.handle(request)` answers.
 */
export function makeApp(deps: AppDeps) {
  // All routes are known only when the last one is there; a request comes later still.
  let known = knownRoutes([]);
  const authenticate: Authenticate = (token) =>
    token.startsWith(accessTokenPrefix)
      ? authenticatePersonalToken({ store: deps.accessTokens, clock: deps.tokens.clock }, token)
      : authenticateAccessToken(deps.tokens, token);
  const app = new Elysia({ name: "postern" })
    .use(errorTranslator(deps.login.log))
    .use(edge({ corsOrigins: deps.corsOrigins, routes: () => known }))
    .use(loginRoutes(deps))
    .use(sessionRoutes(deps.tokens, authenticate))
    .use(meRoutes({ users: deps.users, authenticate }))
    .use(profileRoutes(deps.profile, authenticate))
    .use(healthRoutes(deps.health));
  if (deps.swagger !== null) app.use(swaggerUi(app, deps.swagger));
  known = knownRoutes(app.routes);
  return app;
}
