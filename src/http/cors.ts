/** What a page elsewhere may send: enough for this API. */
const allowedMethods = "GET, POST, PATCH, DELETE";
const allowedHeaders = "authorization, content-type";

/**
 * Chromium keeps an answer to a preflight for two hours at most; ten minutes make a change of the setting felt soon.
 */
const preflightSeconds = 600;

/**
 * The headers that let a page of one of `origins` read an answer; none for others. Exact comparison, and never with
 * credentials: tokens travel in a header that a page sets by itself, so no cookie has to be trusted.
 */
export function corsHeaders(origin: string | null, origins: readonly string[]): Record<string, string> {
  if (origins.length === 0) return {};
  if (origin === null || !origins.includes(origin)) return { vary: "Origin" };
  return {
    vary: "Origin",
    "access-control-allow-origin": origin,
    "access-control-expose-headers": "retry-after",
  };
}

/** The further headers of an answer to a preflight request. */
export const preflightHeaders: Record<string, string> = {
  "access-control-allow-methods": allowedMethods,
  "access-control-allow-headers": allowedHeaders,
  "access-control-max-age": String(preflightSeconds),
};

/** Whether a browser asks beforehand what it may send. */
export function isPreflight(request: Request): boolean {
  return request.method === "OPTIONS" && request.headers.has("access-control-request-method");
}
