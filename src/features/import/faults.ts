import type { TLocalizedValidationError } from "typebox/error";
import { shown } from "../../config/fault.ts";
import { nearest } from "../../config/names.ts";

/** More reasons than this help nobody with one line. */
const mostReasons = 5;

/**
 * What is wrong with a line, as phrases joined by semicolons. `known` are the fields of its kind. No value is
 * repeated.
 */
export function describeFaults(
  errors: readonly TLocalizedValidationError[],
  known: readonly string[],
): string {
  const phrases = new Set(errors.flatMap((error) => phrasesOf(error, known)));
  return [...phrases].slice(0, mostReasons).join("; ");
}

function phrasesOf(error: TLocalizedValidationError, known: readonly string[]): string[] {
  const field = error.instancePath.slice(1).replaceAll("/", ".");
  const inside = field === "" ? "" : `${field}: `;
  switch (error.keyword) {
    case "required":
      return error.params.requiredProperties.map((name) => `${inside}${name} is missing`);
    case "additionalProperties":
      return error.params.additionalProperties.map((name) => `${inside}${unknownField(name, known, field)}`);
    // Said by additionalProperties as well.
    case "boolean":
      return [];
    case "type":
      return [`${field || "the line"} must be ${typeWords[String(error.params.type)] ?? "of another type"}`];
    case "enum":
      return [`${field} must be ${error.params.allowedValues.join(" or ")}`];
    case "minLength":
      return [
        error.params.limit === 1
          ? `${field} is empty`
          : `${field} has fewer than ${error.params.limit} characters`,
      ];
    case "maxLength":
      return [`${field} has more than ${error.params.limit} characters`];
    case "minItems":
      return [`${field} has fewer than ${error.params.limit} items`];
    case "maxItems":
      return [`${field} has more than ${error.params.limit} items`];
    case "uniqueItems":
      return [`${field} has an item twice`];
    default:
      return [`${field} ${error.message}`];
  }
}

const typeWords: Record<string, string> = {
  string: "a text",
  integer: "a whole number",
  number: "a number",
  boolean: "true or false",
  array: "a list",
  object: "an object",
};

function unknownField(name: string, known: readonly string[], inside: string): string {
  const guess = inside === "" ? `: did you mean ${nearest(name, known)}?` : "";
  return `there is no field ${shown(name)}${guess}`;
}
