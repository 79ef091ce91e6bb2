import type { Clock } from "../lib/clock.ts";
import { statusOfCode } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import type { Network } from "../lib/networks.ts";
import type { Random } from "../lib/random.ts";
import { discardBody } from "./body.ts";
import { clientAddress } from "./client-address.ts";
import { everyAnswer } from "./edge.ts";
import { setRequestContext } from "./request-context.ts";
import { hasForeignHost, requestPath, underLongHost } from "./request-path.ts";

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

/** Bodies that were refused unread still arrive: after a part of them the connection is closed. */
const closeAfter = new Set([413, 415]);

function foreignHost(): Response {
  const message = "The Host header is not valid.";
  return Response.json(
    { code: "INVALID_REQUEST", message, errors: [{ path: "", message }] },
    { status: statusOfCode.INVALID_REQUEST, headers: { ...everyAnswer, "cache-control": "no-store" } },
  );
}

/** Answers one request and writes its line in the log. `peer` is the address of the other end of the socket. */
export function requestServer({ handle, log, clock, random, trustedProxies, observe }: RequestServerDeps) {
  return async (received: Request, peer: string | null): Promise<Response> => {
    const request = underLongHost(received);
    const begun = clock.monotonic();
    const requestId = random.uuid(clock.now());
    const address = clientAddress(peer, request.headers.get("x-forwarded-for"), trustedProxies);
    setRequestContext(request, { requestId, address });
    const response = hasForeignHost(request) ? foreignHost() : await handle(request);
    if (closeAfter.has(response.status)) {
      response.headers.set("connection", "close");
      await discardBody(request, clock);
    }
    const milliseconds = clock.monotonic() - begun;
    const { method } = request;
    const { status } = response;
    observe?.({ method, status, seconds: milliseconds / 1_000 });
    log.info("request", {
      method,
      path: requestPath(request).slice(0, longestLoggedPath),
      status,
      durationMs: Math.round(milliseconds * 10) / 10,
      address,
      requestId,
    });
    return response;
  };
}
