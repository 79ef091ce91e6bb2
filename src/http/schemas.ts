import { Kind, KindGuard, type TSchema, TypeRegistry } from "@sinclair/typebox";
import { t } from "elysia";
import { codePointLength, isEmail } from "../lib/text.ts";

const textKind = "Postern:Text";

/** What a text property allows. Both bounds are inclusive and count Unicode code points. */
export type TextRules = {
  /** 0 unless told. */
  minLength?: number;
  maxLength: number;
  /** The HTML standard's valid e-mail address, and nothing else. */
  email?: boolean;
  description: string;
  example?: string;
};

export type OptionalTextRules = TextRules & {
  /** `""` means absent, whatever the shortest length: generated clients send it for what they do not have. */
  emptyIsAbsent?: boolean;
};

/**
 * A text schema as it is kept and documented. Extensions begin with `x-`, so that the OpenAPI document may carry
 * them.
 */
type TextSchema = {
  type: "string";
  minLength: number;
  maxLength: number;
  format?: "email";
  nullable?: true;
  "x-empty-is-absent"?: true;
  description: string;
  example?: string;
};

// A kind of our own, since TypeBox counts UTF-16 units, lets lone surrogates pass and has another idea of an e-mail
// address.
TypeRegistry.Set<TextSchema>(textKind, (schema, value) => textFault(schema, value) === undefined);

const flagsKind = "Postern:Flags";

/**
 * An object of flags as it is kept: each flag's description by its name. It has no `type`, by which Elysia would
 * clean a value before it is checked.
 */
type FlagsSchema = { nullable: true; description: string; "x-flags": Record<string, string> };

// A kind of our own, since Elysia makes an empty object of a number that stands where an object belongs.
TypeRegistry.Set<FlagsSchema>(flagsKind, (schema, value) => flagsFault(schema, value) === undefined);

/** An object of flags, each with its description: it and each of them may be absent, and `null` means the same. */
export function optionalFlags<Name extends string>(description: string, flags: Record<Name, string>) {
  return t.Optional(
    t.Unsafe<{ [name in Name]?: boolean | null } | null>({
      [Kind]: flagsKind,
      nullable: true,
      description,
      "x-flags": flags,
    }),
  );
}

function flagsFault({ "x-flags": flags }: FlagsSchema, value: unknown): string | undefined {
  if (value === null || value === undefined) return undefined;
  if (typeof value !== "object" || Array.isArray(value)) return "must be an object";
  const given = new Map(Object.entries(value));
  const wrong = Object.keys(flags).filter(
    (name) => !["boolean", "undefined"].includes(typeof (given.get(name) ?? undefined)),
  );
  return wrong.length === 0 ? undefined : `must have true or false as ${wrong.join(", ")}`;
}

/** A required text. Null counts as missing. */
export function text(rules: TextRules) {
  return t.Unsafe<string>({ [Kind]: textKind, ...textSchema(rules) });
}

/** A text that may be absent. `null` means the same as absent, since some clients write every property they know. */
export function optionalText({ emptyIsAbsent, ...rules }: OptionalTextRules) {
  return t.Optional(
    t.Unsafe<string | null>({
      [Kind]: textKind,
      ...textSchema(rules),
      nullable: true,
      ...(emptyIsAbsent && { "x-empty-is-absent": true }),
    }),
  );
}

function textSchema({ minLength = 0, email, ...rules }: TextRules): TextSchema {
  return { type: "string", minLength, ...(email && { format: "email" }), ...rules };
}

function textFault(schema: TextSchema, value: unknown): string | undefined {
  if (value === null || value === undefined) return schema.nullable ? undefined : "is required";
  if (typeof value !== "string") return "must be text";
  if (value === "" && schema["x-empty-is-absent"]) return undefined;
  // A lone surrogate has no UTF-8: two different texts would be stored and hashed as the same one.
  if (!value.isWellFormed()) return "must be valid Unicode";
  const length = codePointLength(value);
  if (length < schema.minLength || length > schema.maxLength) {
    return `must be ${range(schema.minLength, schema.maxLength, "character")}`;
  }
  return schema.format === "email" && !isEmail(value) ? "must be an e-mail address" : undefined;
}

/**
 * What is wrong with a property, as the end of a sentence that begins with its name: "must be 8 to 256 characters". It
 * speaks of the schema alone and never repeats the value, which may be a password.
 */
export function describeFault(schema: TSchema, value: unknown): string {
  if (isText(schema)) return textFault(schema, value) ?? "is not valid";
  if (isFlags(schema)) return flagsFault(schema, value) ?? "is not valid";
  if (value === undefined) return "is required";
  if (KindGuard.IsString(schema)) return "must be text";
  if (KindGuard.IsBoolean(schema)) return "must be true or false";
  if (KindGuard.IsObject(schema)) return "must be an object";
  if (KindGuard.IsLiteral(schema)) return `must be ${schema.const}`;
  if (KindGuard.IsArray(schema))
    return `must be a list${bounded(" of ", range(schema.minItems, schema.maxItems, "item"))}`;
  if (KindGuard.IsInteger(schema))
    return `must be a whole number${bounded(", ", range(schema.minimum, schema.maximum))}`;
  if (KindGuard.IsNumber(schema))
    return `must be a number${bounded(", ", range(schema.minimum, schema.maximum))}`;
  if (KindGuard.IsUnion(schema)) return describeUnionFault(schema.anyOf, value);
  return "is not valid";
}

function describeUnionFault(branches: readonly TSchema[], value: unknown): string {
  const choices = branches.filter((branch) => !KindGuard.IsNull(branch) && !isTextForm(branch));
  const constants = choices.flatMap((choice) => (KindGuard.IsLiteral(choice) ? [choice.const] : []));
  if (constants.length === choices.length) return `must be one of ${constants.join(", ")}`;
  const [only, ...others] = choices;
  return only !== undefined && others.length === 0 ? describeFault(only, value) : "is not valid";
}

/**
 * Whether this is the branch that Elysia's `t.Integer`, `t.Numeric` and `t.BooleanString` add to read a value from a
 * query's text. It is a matter of transport, and neither documented nor told of.
 */
export function isTextForm({ type, format }: { [keyword: string]: unknown }): boolean {
  return type === "string" && ["integer", "numeric", "boolean"].includes(String(format));
}

function isFlags(schema: TSchema): schema is TSchema & FlagsSchema {
  return schema[Kind] === flagsKind;
}

function isText(schema: TSchema): schema is TSchema & TextSchema {
  return schema[Kind] === textKind;
}

/** `8 to 256`, `at most 36`, `at least 1` or `6`, with the unit where there is one; empty without bounds. */
function range(least = 0, most = Number.POSITIVE_INFINITY, unit = ""): string {
  const units = unit && ` ${unit}${most === 1 ? "" : "s"}`;
  if (least === most) return `${most}${units}`;
  if (most !== Number.POSITIVE_INFINITY) return `${least === 0 ? "at most" : `${least} to`} ${most}${units}`;
  return least === 0 ? "" : `at least ${least}${units}`;
}

/** `before` and a range, or nothing where there is no bound. */
function bounded(before: string, words: string): string {
  return words === "" ? "" : before + words;
}
