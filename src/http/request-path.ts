/**
 * The path of a request, as it was sent: without query. By hand, since a URL under an odd `Host` cannot be parsed, and
 * without one there is no URL.
 */
export function requestPath({ url }: Request): string {
  const start = pathStart(url);
  const end = url.slice(start).search(/[?#]/);
  return end < 0 ? url.slice(start) : url.slice(start, start + end);
}

/** Where Elysia begins to look for the path in a URL: `https://a.b`. */
const elysiaLooksFrom = 11;

/**
 * Under a host of up to three letters, or none (HTTP/1.0), Elysia would miss where the path begins: the request is
 * given a longer one.
 */
export function underLongHost(request: Request): Request {
  const start = pathStart(request.url);
  return start >= elysiaLooksFrom
    ? request
    : new Request(`http://localhost${request.url.slice(start)}`, request);
}

/**
 * Whether the `Host` holds what no host has and a URL gives another meaning: with it, somebody could move where the
 * path begins.
 */
export function hasForeignHost(request: Request): boolean {
  return /[/?#\\@\s]/.test(request.headers.get("host") ?? "");
}

function pathStart(url: string): number {
  // Without a host, Bun gives the path alone.
  if (url.startsWith("/")) return 0;
  const start = url.indexOf("/", url.indexOf("//") + 2);
  return start < 0 ? url.length : start;
}
