import { closest } from "fastest-levenshtein";
import { shown } from "../../config/fault.ts";
import { ApiError } from "../../lib/errors.ts";
import { codePointLength } from "../../lib/text.ts";
import { type EventName, eventNames, type SignatureFormat, signatureFormats } from "./model.ts";

const mostOfName = 256;

/** Refuses a name that is none, or too long for a table. Throws INVALID_REQUEST. */
export function checkWebhookName(name: string): void {
  const length = codePointLength(name);
  if (length < 1 || length > mostOfName) {
    throw new ApiError("INVALID_REQUEST", `A webhook's name has 1 to ${mostOfName} characters.`);
  }
}

/**
 * The events named, each once. Throws INVALID_REQUEST for none, and for an unknown one with the nearest name that is
 * known.
 */
export function readEventNames(names: readonly string[]): EventName[] {
  if (names.length === 0) {
    throw new ApiError("INVALID_REQUEST", `A webhook needs at least one event: ${eventNames.join(", ")}.`);
  }
  return [...new Set(names)].map((name) => {
    const known = eventNames.find((event) => event === name);
    if (known === undefined) {
      throw new ApiError(
        "INVALID_REQUEST",
        `There is no event ${shown(name)}: did you mean ${closest(name.slice(0, 100), [...eventNames])}?`,
      );
    }
    return known;
  });
}

/** Throws INVALID_REQUEST for an unknown format. */
export function readSignatureFormat(text: string): SignatureFormat {
  const known = signatureFormats.find((format) => format === text);
  if (known === undefined) {
    throw new ApiError("INVALID_REQUEST", `The signature format is ${signatureFormats.join(" or ")}.`);
  }
  return known;
}
