import { STATUS_CODES } from "node:http";
import { isTextForm } from "../http/schemas.ts";

type JsonObject = { [key: string]: unknown };

const documentedMethods = ["get", "put", "post", "patch", "delete"];

/**
 * Makes the document of @elysiajs/swagger valid OpenAPI 3.0.3. The plugin copies TypeBox schemas as they are
 * (`const`, `type: "null"`, `examples` and `$id` are not of that version), describes no answer, and lists every body
 * under three media types. Here, `examples` by name on a body's or an answer's schema become those of its media type.
 * A test holds the result against the specification's own schema.
 */
export function makeValid(document: unknown): JsonObject {
  const { components, paths, ...rest } = asObject(document);
  const { schemas, ...otherComponents } = asObject(components);
  return {
    ...rest,
    paths: mapValues(paths, (path) => mapValues(pick(asObject(path), documentedMethods), validOperation)),
    components: { ...otherComponents, schemas: mapValues(schemas, validSchema) },
  };
}

function validOperation(value: unknown): JsonObject {
  const { parameters, requestBody, responses, description, ...rest } = asObject(value);
  const words = [description, ...demandOf(rest)].filter((part) => typeof part === "string");
  return {
    ...rest,
    ...(words.length > 0 && { description: words.join("\n\n") }),
    ...(Array.isArray(parameters) && parameters.length > 0 && { parameters: parameters.map(validParameter) }),
    ...(isObject(requestBody) && {
      requestBody: validBody(requestBody),
    }),
    responses: mapValues(responses, validResponse),
  };
}

/** What a route demands beyond a token. In this version `security` has no room for it, unless by OAuth. */
function demandOf({ "x-required-scope": scope, "x-required-roles": roles }: JsonObject): string[] {
  return [
    ...(typeof scope === "string" ? [`A personal access token needs the scope \`${scope}\`.`] : []),
    ...(Array.isArray(roles)
      ? [`For users with the role ${roles.map((role) => `\`${role}\``).join(" or ")}.`]
      : []),
  ];
}

/** The plugin says of every body that it is required. */
function validBody({ content, ...rest }: JsonObject): JsonObject {
  const described = validContent(content);
  const optional = Object.values(described).some(
    (mediaType) => asObject(asObject(mediaType)["schema"])["x-optional"] === true,
  );
  return { ...rest, required: !optional, content: described };
}

function validParameter(value: unknown): JsonObject {
  const { schema, examples, ...rest } = asObject(value);
  return { ...rest, ...firstExample(examples), schema: validSchema(schema) };
}

/** The plugin spreads the schema's own keywords over the answer: only those that belong there stay. */
function validResponse(value: unknown, status: string): JsonObject {
  const response = asObject(value);
  const { content, examples, description } = response;
  return {
    ...pick(response, ["headers"]),
    description: description ?? STATUS_CODES[status] ?? status,
    ...(isObject(content) && { content: validContent(content, examples) }),
  };
}

/** One media type: JSON where it is among those listed. */
function validContent(value: unknown, namedExamples?: unknown): JsonObject {
  const content = asObject(value);
  const mediaType = "application/json" in content ? "application/json" : Object.keys(content)[0];
  if (mediaType === undefined) return {};
  const { examples = namedExamples, ...schema } = asObject(asObject(content[mediaType])["schema"]);
  const byName = isObject(examples) ? { examples } : undefined;
  return { [mediaType]: { schema: validSchema(byName ? schema : { ...schema, examples }), ...byName } };
}

function validSchema(given: unknown): JsonObject {
  const value = withFlags(asObject(given));
  const {
    $id: _,
    const: constant,
    examples,
    anyOf,
    properties,
    items,
    patternProperties,
    // Elysia marks its objects as closed, yet what nobody asked for is ignored.
    additionalProperties: __,
    ...rest
  } = withAbsentEmpty(value);
  const schema: JsonObject = {
    ...rest,
    ...firstExample(examples),
    ...(constant !== undefined && { enum: [constant] }),
    ...(isObject(properties) && { properties: mapValues(properties, validSchema) }),
    ...(isObject(items) && { items: validSchema(items) }),
    ...(isObject(patternProperties) && {
      additionalProperties: validSchema(Object.values(patternProperties)[0]),
    }),
  };
  return Array.isArray(anyOf) ? validUnion(schema, anyOf.map(asObject)) : schema;
}

/** An object of flags in full: in the routes it stands without its type. */
function withFlags({ "x-flags": flags, ...rest }: JsonObject): JsonObject {
  if (!isObject(flags)) return rest;
  const flag = (description: unknown) => ({ type: "boolean", nullable: true, description });
  return { type: "object", ...rest, properties: mapValues(flags, flag) };
}

/** `""` means absent where a schema says so: as a pattern, which every tool reads. */
function withAbsentEmpty({
  "x-empty-is-absent": emptyIsAbsent,
  minLength,
  maxLength,
  ...rest
}: JsonObject): JsonObject {
  const lengths = {
    ...(minLength !== undefined && { minLength }),
    ...(maxLength !== undefined && { maxLength }),
  };
  if (emptyIsAbsent !== true) return { ...rest, ...lengths };
  return { ...rest, maxLength, pattern: `^(?:[\\s\\S]{${minLength},${maxLength}})?$` };
}

/** A union without its null, which is `nullable` in this version; one of constants is an `enum`. */
function validUnion(around: JsonObject, branches: JsonObject[]): JsonObject {
  const nullable = branches.some(({ type }) => type === "null") && { nullable: true };
  const choices = branches
    .filter((branch) => branch["type"] !== "null" && !isTextForm(branch))
    .map(validSchema);
  const [first] = choices;
  if (choices.length === 1) return { ...first, ...around, ...nullable };
  if (choices.every((choice) => Array.isArray(choice["enum"]))) {
    return { ...first, ...around, enum: choices.flatMap((choice) => choice["enum"]), ...nullable };
  }
  return { ...around, anyOf: choices.map((choice) => ({ ...choice, ...nullable })) };
}

function firstExample(examples: unknown): JsonObject | undefined {
  return Array.isArray(examples) && examples.length > 0 ? { example: examples[0] } : undefined;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function asObject(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

function mapValues(value: unknown, change: (value: unknown, key: string) => JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(asObject(value)).map(([key, entry]) => [key, change(entry, key)]));
}

function pick(value: JsonObject, keys: readonly string[]): JsonObject {
  return Object.fromEntries(keys.flatMap((key) => (key in value ? [[key, value[key]]] : [])));
}
