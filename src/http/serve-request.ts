import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Network } from "../lib/networks.ts";
import type { Random } from "../lib/random.ts";
import { clientAddress } from "./client-address.ts";
import { setRequestContext } from "./request-context.ts";

export type RequestServerDeps = {
  /** The application: never throws, since its translator answers for everything. */
  handle(request: Request): Promise<Response>;
  log: Log;
  clock: Clock;
  random: Random;
  trustedProxies: readonly Network[];
  /** Told of every answer, for metrics. */
  observe?(answer: { method: string; status: number; seconds: number }): void;
};

/** Paths are logged to this length. Queries never are: they are where other people's programs put secrets. */
const longestLoggedPath = 256;

/** Bodies that were refused unread still arrive: the connection is closed instead of drained. */
const closeAfter = new Set([413, 415]);

/** Answers one request and writes its line in the log. `peer` is the address of the other end of the socket. */
export function requestServer({ handle, log, clock, random, trustedProxies, observe }: RequestServerDeps) {
  return async (received: Request, peer: string | null): Promise<Response> => {
    const request = underLongHost(received);
    const begun = clock.monotonic();
    const requestId = random.uuid(clock.now());
    const address = clientAddress(peer, request.headers.get("x-forwarded-for"), trustedProxies);
    setRequestContext(request, { requestId, address });
    const response = await handle(request);
    if (closeAfter.has(response.status)) response.headers.set("connection", "close");
    const milliseconds = clock.monotonic() - begun;
    const { method } = request;
    const { status } = response;
    observe?.({ method, status, seconds: milliseconds / 1_000 });
    log.info("request", {
      method,
      path: new URL(request.url).pathname.slice(0, longestLoggedPath),
      status,
      durationMs: Math.round(milliseconds * 10) / 10,
      address,
      requestId,
    });
    return response;
  };
}

/** Where Elysia begins to look for the path in a URL: `https://a.b`. */
const elysiaLooksFrom = 11;

/** Under a host of one to three letters, such as `http://id/v3/me`, Elysia would miss where the path begins: it is given a longer one. */
function underLongHost(request: Request): Request {
  const pathAt = request.url.indexOf("/", request.url.indexOf("//") + 2);
  if (pathAt >= elysiaLooksFrom) return request;
  return new Request(`http://localhost${request.url.slice(pathAt)}`, request);
}
