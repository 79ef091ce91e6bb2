import { Elysia } from "elysia";
import { readJson, requireJson, requireSmallBody } from "./body.ts";
import { corsHeaders, isPreflight, preflightHeaders } from "./cors.ts";
import { requestPath } from "./request-path.ts";
import type { KnownRoutes } from "./routes.ts";

/** Headers of every answer: nothing here is meant to be framed, sniffed or cached by others. */
export const everyAnswer = { "x-content-type-options": "nosniff", "referrer-policy": "no-referrer" };

/**
 * What every request meets before its route: path and method are known, the body is small and JSON. `routes` is asked
 * for at the first request, when all of them are there.
 */
export function edge({ corsOrigins, routes }: { corsOrigins: readonly string[]; routes: () => KnownRoutes }) {
  return new Elysia({ name: "edge" })
    .onRequest(({ request, set }) => {
      Object.assign(set.headers, everyAnswer, corsHeaders(request.headers.get("origin"), corsOrigins));
      if (corsOrigins.length > 0 && isPreflight(request)) {
        return new Response(null, { status: 204, headers: preflightHeaders });
      }
      routes().require(request.method, requestPath(request));
      requireSmallBody(request);
      requireJson(request);
      return undefined;
    })
    .onParse({ as: "global" }, ({ request }) => readJson(request));
}
