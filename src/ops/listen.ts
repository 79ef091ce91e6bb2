import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import type { ListenAddress } from "../config/config.ts";
import { everyAnswer } from "../http/edge.ts";
import { apiError, OperatorError, statusOfCode } from "../lib/errors.ts";

/** Silent, partial and dripping clients are cut after about this long. A login waits for 5 s at most. */
const idleTimeoutSeconds = 10;

/** Bodies are bounded by the application, which answers with the contract's body; Bun's own 413 has none. */
const bunBodyBound = Number.MAX_SAFE_INTEGER;

export type Listener = {
  /** The setting that names the address, for the error when it cannot be had. */
  setting: string;
  address: ListenAddress;
  /** PEM files. TLS 1.2 and 1.3: older versions are refused by Bun. */
  tls: { certFile: string; keyFile: string } | undefined;
  /** `peer` is the address of the other end of the socket. */
  answer(request: Request, peer: string | null): Promise<Response>;
};

/**
 * Listens for HTTP, or HTTPS where there is a certificate. Throws OperatorError when the port or the certificate
 * cannot be had.
 */
export function listen({ setting, address: { host, port }, tls, answer }: Listener) {
  const certificate = tls && readCertificate(tls);
  try {
    return Bun.serve({
      hostname: host,
      port,
      idleTimeout: idleTimeoutSeconds,
      maxRequestBodySize: bunBodyBound,
      ...(certificate && { tls: certificate }),
      // Whatever escapes is not shown: Bun's own page for it has source, stack and folder in it.
      development: false,
      error: unforeseen,
      fetch: (request, server) => answer(request, server.requestIP(request)?.address ?? null),
    });
  } catch (error) {
    throw new OperatorError(
      `${setting}: the server cannot listen on ${host}:${port} (${reasonOf(error)}). Name a free address, for example ${setting}=127.0.0.1:8081.`,
    );
  }
}

/** The last resort, where not even the application's translator could answer. */
function unforeseen(): Response {
  const { code, message } = apiError("INTERNAL_ERROR");
  return Response.json(
    { code, message, requestId: "-" },
    { status: statusOfCode[code], headers: { ...everyAnswer, "cache-control": "no-store" } },
  );
}

/** Judged before Bun sees it, which would fail as if the address were to blame. */
function readCertificate({ certFile, keyFile }: { certFile: string; keyFile: string }) {
  const cert = readPem("POSTERN_TLS_CERT", certFile);
  const key = readPem("POSTERN_TLS_KEY", keyFile);
  const certificate = parsePem("POSTERN_TLS_CERT", certFile, () => new X509Certificate(cert));
  const privateKey = parsePem("POSTERN_TLS_KEY", keyFile, () => createPrivateKey(key));
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new OperatorError(
      `POSTERN_TLS_KEY: ${keyFile} is not the private key of the certificate ${certFile}. The server's own certificate comes first in its file, and those of its issuers after it.`,
    );
  }
  return { cert, key };
}

function parsePem<T>(setting: string, file: string, parse: () => T): T {
  try {
    return parse();
  } catch {
    const wanted = setting === "POSTERN_TLS_KEY" ? "a private key without a passphrase" : "a certificate";
    throw new OperatorError(`${setting}: ${file} is not ${wanted} in PEM form.`);
  }
}

function readPem(setting: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new OperatorError(
      `${setting}: ${file} cannot be read (${reasonOf(error)}). Name a PEM file, for example ${setting}=/etc/postern/tls.pem.`,
    );
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
