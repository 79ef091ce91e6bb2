import { Elysia, NotFoundError, ParseError, ValidationError } from "elysia";
import { ApiError, apiError, type FieldError, statusOfCode } from "../lib/errors.ts";
import { RequestGone } from "../lib/hashing-queue.ts";
import type { Log } from "../lib/log.ts";
import { requestContext } from "./request-context.ts";
import { describeFault } from "./schemas.ts";

/** nginx's status for "the client closed the request": nobody reads it, but the log does. */
const clientGoneStatus = 499;

/** RFC 9110 demands a challenge with every 401: this one where nobody has a more precise one. */
const bearerChallenge = 'Bearer realm="postern"';

/** Faults of one body that are told: a client that breaks more has other trouble. */
const mostFaults = 20;

/**
 * Turns whatever was thrown into the contract's `{code, message}`. The first plugin of the application, and global:
 * Elysia covers only what comes after, and without it a 422 would echo the submitted body, password included.
 */
export function errorTranslator(log: Log) {
  return new Elysia({ name: "error-translator" }).onError({ as: "global" }, ({ error, request, set }) => {
    const known = translate(error);
    if (known === undefined) return internalError(error, request, set, log);
    if (known === "client-gone") return new Response(null, { status: clientGoneStatus });
    const { code, message, details } = known;
    set.status = statusOfCode[code];
    set.headers["cache-control"] = "no-store";
    if (details.retryAfterSeconds !== undefined)
      set.headers["retry-after"] = String(details.retryAfterSeconds);
    if (details.allow !== undefined) set.headers.allow = details.allow.join(", ");
    const challenge = details.challenge ?? (code === "UNAUTHENTICATED" ? bearerChallenge : undefined);
    if (challenge !== undefined) set.headers["www-authenticate"] = challenge;
    return {
      code,
      message,
      ...(details.errors !== undefined && { errors: details.errors }),
      ...(details.enrolmentToken !== undefined && { enrolmentToken: details.enrolmentToken }),
    };
  });
}

/** By class, never by the error's own `code`, which Elysia lets any error bring. */
function translate(error: unknown): ApiError | "client-gone" | undefined {
  if (error instanceof ApiError) return error;
  if (error instanceof RequestGone) return "client-gone";
  if (error instanceof ValidationError) return error.type === "response" ? undefined : invalidRequest(error);
  if (error instanceof ParseError)
    return error.cause === undefined ? apiError("INVALID_REQUEST") : translate(error.cause);
  if (error instanceof NotFoundError) return apiError("NOT_FOUND");
  return undefined;
}

/** Names each offending property from its schema alone: the submitted value is never looked at for the sentence. */
function invalidRequest(error: ValidationError): ApiError {
  const errors: FieldError[] = [];
  const faults = "Errors" in error.validator ? error.validator.Errors(error.value) : [];
  for (const fault of faults) {
    if (errors.some(({ path }) => path === fault.path)) continue;
    errors.push({ path: fault.path, message: describeFault(fault.schema, fault.value) });
    if (errors.length === mostFaults) break;
  }
  const [first] = errors;
  const name = first?.path.slice(1).replaceAll("/", ".") || "The body";
  return new ApiError("INVALID_REQUEST", `${name} ${first?.message ?? "is not valid"}.`, { errors });
}

function internalError(
  error: unknown,
  request: Request,
  set: {
    status?: number | string | undefined;
    headers: Record<string, string | number | string[] | undefined>;
  },
  log: Log,
) {
  const { requestId } = requestContext(request);
  const cause = error instanceof Error ? error : new Error(String(error));
  log.error("unforeseen error", { requestId, error: cause.message, stack: cause.stack });
  const { code, message } = apiError("INTERNAL_ERROR");
  set.status = statusOfCode[code];
  set.headers["cache-control"] = "no-store";
  return { code, message, requestId };
}
