/** What a server on this machine says of itself. */
export type LocalHealth = { healthy: boolean; sentence: string; answer: unknown };

/** ms. A server that needs longer for this is not well. */
const patienceMs = 5_000;

/**
 * The address at which this machine reaches a server that listens on `host`: the loopback one where it listens on
 * all.
 */
export function loopbackHost(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return host.includes(":") ? `[${host}]` : host;
}

/**
 * Asks the server on this machine for `/health`. The certificate is not verified: it is made for the name that
 * clients use, and the question never leaves the machine. Never throws.
 */
export async function askLocalHealth(server: {
  host: string;
  port: number;
  tls: boolean;
}): Promise<LocalHealth> {
  const url = `${server.tls ? "https" : "http"}://${loopbackHost(server.host)}:${server.port}/health`;
  try {
    const response = await fetch(url, {
      redirect: "manual",
      signal: AbortSignal.timeout(patienceMs),
      tls: { rejectUnauthorized: false },
      proxy: "",
    });
    const answer = parsed(await response.text());
    if (response.status === 200) return { healthy: true, sentence: `The server at ${url} is well.`, answer };
    return { healthy: false, sentence: `The server at ${url} answered ${response.status}.`, answer };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { healthy: false, sentence: `No server answers at ${url}: ${reason}`, answer: null };
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
