import type { Clock } from "./clock.ts";

/** Looks up a host name: all its addresses. Throws when there is none, or nobody answers. */
export type Resolve = (host: string) => Promise<string[]>;

export type OutboundRequest = {
  url: URL;
  headers: Record<string, string>;
  body: Uint8Array;
  /**
   * Judges what the name led to: undefined when every address may be connected to, otherwise why not, in a sentence.
   */
  judge(url: URL, addresses: readonly string[]): string | undefined;
  /** Gives the request up. */
  signal: AbortSignal;
};

export type OutboundAnswer = {
  status: number;
  headers: Headers;
  /** The first bytes of the body as they came, compressed or not: at most `mostAnswerBytes`. */
  start: Uint8Array;
};

export type OutboundFailure =
  | "refused"
  | "unresolved"
  | "unreachable"
  | "untrusted"
  | "broken"
  | "timed-out"
  | "given-up";

/**
 * Why there was no answer. The message is a sentence for whoever runs the receiver; it holds neither path nor query
 * of the URL.
 */
export class OutboundError extends Error {
  readonly failure: OutboundFailure;

  constructor(failure: OutboundFailure, message: string) {
    super(message);
    this.name = "OutboundError";
    this.failure = failure;
  }
}

export type Outbound = {
  /** POSTs once. Redirects are answers like any other. Throws OutboundError when there is no answer. */
  post(request: OutboundRequest): Promise<OutboundAnswer>;
};

export type OutboundOptions = {
  clock: Clock;
  /** How long a request may take in all, in ms: looking up the name, connecting, sending and reading. */
  limit: number;
  /** The most that is read of an answer. */
  mostAnswerBytes: number;
  resolve?: Resolve;
  /** Certificate authorities to trust instead of the system's, as PEM. */
  ca?: string;
};

/**
 * Of a name with more addresses than this the rest is not tried: one that refuses connections costs a packet, yet
 * they add up.
 */
const mostAddressesTried = 4;

/**
 * Requests to places that strangers chose. The name is resolved here, its addresses are judged, and the connection
 * goes to a judged address itself, with the name in `Host` and in TLS: a second lookup, which could answer otherwise,
 * never happens. Bun pools TLS connections by that name too (shown by a test), so that none is reused for another
 * name at the same address.
 */
export function makeOutbound(options: OutboundOptions): Outbound {
  const { clock, limit, resolve = resolveByCares } = options;
  return {
    async post(request) {
      const ending = new AbortController();
      const giveUp = () => ending.abort(new OutboundError("given-up", "The attempt was given up."));
      const timer = clock.after(limit, () =>
        ending.abort(new OutboundError("timed-out", `There was no whole answer within ${limit / 1_000} s.`)),
      );
      request.signal.addEventListener("abort", giveUp);
      if (request.signal.aborted) giveUp();
      try {
        const addresses = await addressesOf(request.url, resolve, ending.signal);
        const refusal = request.judge(request.url, addresses);
        if (refusal !== undefined) throw new OutboundError("refused", refusal);
        return await postToFirst(request, addresses.slice(0, mostAddressesTried), ending, options);
      } catch (error) {
        throw ending.signal.aborted ? ending.signal.reason : error;
      } finally {
        timer.cancel();
        request.signal.removeEventListener("abort", giveUp);
      }
    },
  };
}

/**
 * The system's hosts file and name servers, by c-ares. Not by getaddrinfo, which `node:dns` uses: it holds a thread
 * of the pool that password hashing shares, and two names whose servers stay silent stopped every login for 10 s
 * (measured with Bun 1.4.5).
 */
async function resolveByCares(host: string): Promise<string[]> {
  const answers = await Bun.dns.lookup(host, { backend: "c-ares" });
  return answers.map(({ address }) => address);
}

async function addressesOf(url: URL, resolve: Resolve, signal: AbortSignal): Promise<string[]> {
  const host = bareHost(url);
  if (isNumeric(url)) return [host];
  try {
    return await unlessAborted(resolve(host), signal);
  } catch (error) {
    if (signal.aborted) throw error;
    throw new OutboundError("unresolved", `The name ${host} cannot be resolved (${codeOf(error)}).`);
  }
}

/** Waits for what cannot be called off itself. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort);
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

/** Tries the addresses in turn while connections to them are refused: nothing was sent then. */
async function postToFirst(
  request: OutboundRequest,
  addresses: readonly string[],
  ending: AbortController,
  options: OutboundOptions,
): Promise<OutboundAnswer> {
  let last: unknown;
  for (const address of addresses) {
    try {
      return await postTo(address, request, ending, options);
    } catch (error) {
      last = error;
      if (!connectingFailed.has(codeOf(error))) break;
    }
  }
  throw explain(last);
}

async function postTo(
  address: string,
  { url, headers, body }: OutboundRequest,
  ending: AbortController,
  { ca, mostAnswerBytes }: OutboundOptions,
): Promise<OutboundAnswer> {
  const target = new URL(url);
  target.hostname = address.includes(":") ? `[${address}]` : address;
  const tls = {
    // An address is no server name (RFC 6066, section 3): its certificate is checked against the URL.
    ...(isNumeric(url) ? {} : { serverName: bareHost(url) }),
    ...(ca !== undefined && { ca }),
  };
  const response = await fetch(target, {
    method: "POST",
    headers: { ...headers, Host: url.host },
    body,
    redirect: "manual",
    decompress: false,
    proxy: false,
    signal: ending.signal,
    ...(url.protocol === "https:" && { tls }),
  });
  return {
    status: response.status,
    headers: response.headers,
    start: await readStart(response, mostAnswerBytes, ending),
  };
}

/**
 * The first bytes of the answer. What goes on after them is cut off with its connection: a receiver may send without
 * end.
 */
async function readStart(response: Response, most: number, ending: AbortController): Promise<Uint8Array> {
  const reader = response.body?.getReader();
  if (reader === undefined) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    chunks.push(value.subarray(0, most - length));
    length += value.length;
    if (length > most) {
      reader.cancel().catch(() => {});
      ending.abort();
      break;
    }
  }
  return Buffer.concat(chunks);
}

function bareHost(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
}

/** Whether the host is an address. A URL spells IPv6 in brackets and every form of IPv4 in four decimal parts. */
function isNumeric(url: URL): boolean {
  return url.hostname.startsWith("[") || /^\d+\.\d+\.\d+\.\d+\.?$/.test(url.hostname);
}

const connectingFailed = new Set(["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "EADDRNOTAVAIL"]);

/**
 * What Bun's own error codes mean for whoever runs the receiver. Its messages are not used: they hold the whole URL.
 */
const explanations: Record<string, [OutboundFailure, string]> = {
  ECONNREFUSED: ["unreachable", "The connection was refused"],
  EHOSTUNREACH: ["unreachable", "The host cannot be reached"],
  ENETUNREACH: ["unreachable", "The network cannot be reached"],
  ECONNRESET: ["broken", "The connection was closed before the answer was complete"],
  EPROTO: ["untrusted", "The TLS handshake failed"],
  ERR_TLS_CERT_ALTNAME_INVALID: ["untrusted", "The certificate is for another name"],
  CERT_HAS_EXPIRED: ["untrusted", "The certificate has expired"],
  DEPTH_ZERO_SELF_SIGNED_CERT: ["untrusted", "The certificate is signed by itself"],
  SELF_SIGNED_CERT_IN_CHAIN: ["untrusted", "The certificate is signed by an unknown authority"],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: ["untrusted", "The certificate is signed by an unknown authority"],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: ["untrusted", "The certificate is signed by an unknown authority"],
};

function explain(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const code = codeOf(error);
  const [failure, sentence] = explanations[code] ?? ["broken", "The connection failed"];
  return new OutboundError(failure, `${sentence} (${code}).`);
}

/** The code of a network error, never its message. */
function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string"
    ? error.code.replace(/^DNS_/, "")
    : "no code";
}
