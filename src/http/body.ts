import { type Clock, within } from "../lib/clock.ts";
import { ApiError, apiError } from "../lib/errors.ts";
import { RequestGone } from "../lib/hashing-queue.ts";

/** 64 KiB: the contract's bound. The largest login has under 4 KiB. */
const mostBytes = 64 * 1024;

/** Nobody's request nests deeper; validators that walk 30,000 levels run out of memory. */
const mostDepth = 32;

/** Whether a request brings a body: only then does its media type matter. */
export function hasBody(request: Request): boolean {
  const length = request.headers.get("content-length");
  return length === null ? request.headers.has("transfer-encoding") : length !== "0";
}

/**
 * Refuses other media types than `application/json`. A page elsewhere can post forms to us, but not this type,
 * without being asked first (CORS).
 */
export function requireJson(request: Request): void {
  const [mediaType = ""] = (request.headers.get("content-type") ?? "").split(";");
  if (hasBody(request) && mediaType.trim().toLowerCase() !== "application/json")
    throw apiError("UNSUPPORTED_MEDIA_TYPE");
}

/** Refuses a body that says itself that it is too large, before a byte of it is read. */
export function requireSmallBody(request: Request): void {
  if (Number(request.headers.get("content-length") ?? 0) > mostBytes) throw apiError("PAYLOAD_TOO_LARGE");
}

/**
 * Reads and parses a JSON object: at most 64 KiB, strict UTF-8, at most 32 levels. Throws PAYLOAD_TOO_LARGE or
 * INVALID_REQUEST.
 */
export async function readJson(request: Request): Promise<unknown> {
  const bytes = await readBytes(request);
  if (bytes.length === 0) return undefined;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    if (depthOf(text) > mostDepth) throw invalid(`The body is nested deeper than ${mostDepth} levels.`);
    return requireObject(JSON.parse(text));
  } catch (error) {
    throw error instanceof ApiError ? error : invalid("The body is not JSON.");
  }
}

/** Every body here is an object. Elysia would take anything else for an empty one where no property is required. */
function requireObject(value: unknown): object {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw invalid("The body must be an object.");
}

/**
 * What breaks off, or is malformed, is the client's doing: nobody reads the answer to the first, and neither is an
 * alarm.
 */
async function readBytes(request: Request): Promise<Uint8Array> {
  try {
    return await readBounded(request);
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw request.signal.aborted ? new RequestGone() : invalid("The body did not arrive whole.");
  }
}

/** Stops reading at the bound: a body without a declared length could go on for ever. */
async function readBounded(request: Request): Promise<Uint8Array> {
  if (request.headers.has("content-length")) return new Uint8Array(await request.arrayBuffer());
  const chunks: Uint8Array[] = [];
  let total = 0;
  const reader = request.body?.getReader();
  for (let next = await reader?.read(); next?.done === false; next = await reader?.read()) {
    total += next.value.length;
    if (total > mostBytes) {
      // Left as it is, for whoever discards the rest: cancelling waits for an end that may never come.
      reader?.releaseLock();
      throw apiError("PAYLOAD_TOO_LARGE");
    }
    chunks.push(next.value);
  }
  return Buffer.concat(chunks);
}

/**
 * How much of a refused body is read, and for how long (ms): a client that writes all of it before it reads finds the
 * answer then.
 */
const mostDiscarded = 8 * 1024 * 1024;
const discardingMs = 1_000;

/**
 * Reads what is left of a refused body, within bounds. A connection that is closed on unread bytes is reset, and
 * takes the answer with it.
 */
export async function discardBody({ body, headers }: Request, clock: Clock): Promise<void> {
  if (body === null || body.locked || Number(headers.get("content-length") ?? 0) > mostDiscarded) return;
  const reader = body.getReader();
  const read = async () => {
    for (let total = 0; total <= mostDiscarded; ) {
      const { done, value } = await reader.read();
      if (done) return;
      total += value.length;
    }
  };
  await within(
    clock,
    discardingMs,
    read().catch(() => {}),
  );
  // Not waited for: see above.
  reader.cancel().catch(() => {});
}

/** The deepest nesting of arrays and objects in a JSON text, without parsing it. */
function depthOf(json: string): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let at = 0; at < json.length; at += 1) {
    const character = json[at];
    if (inString) {
      if (character === "\\") at += 1;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === "[" || character === "{") deepest = Math.max(deepest, ++depth);
    else if (character === "]" || character === "}") depth -= 1;
  }
  return deepest;
}

function invalid(message: string): ApiError {
  return new ApiError("INVALID_REQUEST", message, { errors: [{ path: "", message }] });
}
