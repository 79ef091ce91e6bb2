/** What is known of a request before anything of it was judged. */
export type RequestContext = {
  /** To look a failure up in the log. */
  requestId: string;
  /** The client's address, seen through trusted proxies only; null where there is no socket. */
  address: string | null;
};

const contexts = new WeakMap<Request, RequestContext>();

/** Kept beside the request, not in it: no header that a client sends can pose as it. */
export function setRequestContext(request: Request, context: RequestContext): void {
  contexts.set(request, context);
}

export function requestContext(request: Request): RequestContext {
  return contexts.get(request) ?? { requestId: "-", address: null };
}

/**
 * Headers are kept with sessions and audit entries: cut to what real ones need, so that nobody fills the disk with
 * them.
 */
const longestOrigin = 256;
const longestUserAgent = 512;

/** Where a request came from, as it is kept with sessions and audit entries. */
export function requestOrigin(request: Request) {
  return {
    address: requestContext(request).address,
    origin: request.headers.get("origin")?.slice(0, longestOrigin) ?? null,
    userAgent: request.headers.get("user-agent")?.slice(0, longestUserAgent) ?? null,
  };
}
