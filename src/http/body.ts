import { ApiError, apiError } from "../lib/errors.ts";

/** 64 KiB: the contract's bound. The largest login has under 4 KiB. */
const mostBytes = 64 * 1024;

/** Nobody's request nests deeper; validators that walk 30,000 levels run out of memory. */
const mostDepth = 32;

/** Whether a request brings a body: only then does its media type matter. */
export function hasBody(request: Request): boolean {
  const length = request.headers.get("content-length");
  return length === null ? request.headers.has("transfer-encoding") : length !== "0";
}

/** Refuses other media types than `application/json`. A page elsewhere can post forms to us, but not this type, without being asked first (CORS). */
export function requireJson(request: Request): void {
  const [mediaType = ""] = (request.headers.get("content-type") ?? "").split(";");
  if (hasBody(request) && mediaType.trim().toLowerCase() !== "application/json")
    throw apiError("UNSUPPORTED_MEDIA_TYPE");
}

/** Refuses a body that says itself that it is too large, before a byte of it is read. */
export function requireSmallBody(request: Request): void {
  if (Number(request.headers.get("content-length") ?? 0) > mostBytes) throw apiError("PAYLOAD_TOO_LARGE");
}

/** Reads and parses a JSON body: at most 64 KiB, strict UTF-8, at most 32 levels. Throws PAYLOAD_TOO_LARGE or INVALID_REQUEST. */
export async function readJson(request: Request): Promise<unknown> {
  const bytes = await readBytes(request);
  if (bytes.length === 0) return undefined;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    if (depthOf(text) <= mostDepth) return JSON.parse(text);
  } catch {
    throw invalid("The body is not JSON.");
  }
  throw invalid(`The body is nested deeper than ${mostDepth} levels.`);
}

/** Stops reading at the bound: a body without a declared length could go on for ever. */
async function readBytes(request: Request): Promise<Uint8Array> {
  if (request.headers.has("content-length")) return new Uint8Array(await request.arrayBuffer());
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of request.body ?? []) {
    total += chunk.length;
    if (total > mostBytes) throw apiError("PAYLOAD_TOO_LARGE");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
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
