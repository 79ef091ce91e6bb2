import { beforeAll, describe, expect, test } from "bun:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import { Elysia, t } from "elysia";
import { errorAnswers } from "../../src/http/error-answers.ts";
import { optionalText, text } from "../../src/http/schemas.ts";
import { openApiDocument } from "../../src/ops/openapi.ts";

/** Routes with every schema that the plugin copies into the document as it is, although OpenAPI 3.0.3 does not know it. */
const app = new Elysia()
  .post("/things", () => null, {
    body: t.Object(
      {
        name: text({ minLength: 1, maxLength: 9, description: "What it is called.", example: "door" }),
        alias: optionalText({ minLength: 1, maxLength: 9, emptyIsAbsent: true, description: "Or else." }),
        format: t.Union([t.Literal("plain"), t.Literal("fancy")]),
        kind: t.Optional(t.Literal("thing")),
        count: t.Integer({ minimum: 1, examples: [3, 4] }),
        parent: t.Nullable(t.Object({ id: t.String() })),
        either: t.Union([t.String(), t.Object({ id: t.String() }), t.Null()]),
        labels: t.Record(t.String(), t.String()),
      },
      { $id: "#thing", examples: { smallest: { value: { name: "a" } } } },
    ),
    response: {
      201: t.Object(
        { id: t.String({ examples: ["x"] }) },
        { title: "Thing", examples: { one: { value: { id: "x" } } } },
      ),
      ...errorAnswers("INVALID_REQUEST", "CONFLICT", "TOO_MANY_REQUESTS"),
    },
    detail: { tags: ["Things"], summary: "Make a thing", operationId: "makeThing" },
  })
  .get("/things/:id", () => [], {
    params: t.Object({ id: text({ minLength: 1, maxLength: 36, description: "Which." }) }),
    query: t.Object({ page: t.Optional(t.Integer({ minimum: 1, examples: [1] })) }),
    headers: t.Object({
      "x-account-id": optionalText({ maxLength: 36, description: "Whose.", example: "a" }),
    }),
    response: t.Array(t.Object({ id: t.String() })),
    detail: { security: [{ accessToken: [] }] },
  })
  .get("/.well-known/things", () => ({}))
  .all("/everything", () => "")
  .options("/things", () => "")
  .head("/only-head", () => "")
  .get("/secret", () => "", { detail: { hide: true } });

let document: Record<string, unknown>;

beforeAll(async () => {
  document = JSON.parse(
    await openApiDocument(app, { publicUrl: "https://id.example.com", version: "1.2.3" }),
  );
});

/** The value at a place in the document. */
function at(...keys: (string | number)[]): unknown {
  return keys.reduce<unknown>(
    (value, key) => (typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined),
    document,
  );
}

function keysAt(...keys: string[]): string[] {
  return Object.keys(Object(at(...keys)));
}

test("the document is valid OpenAPI 3.0.3", async () => {
  const validator = new Validator();
  expect(await validator.validate(structuredClone(document))).toEqual({ valid: true });
  expect(validator.version).toBe("3.0");
});

test("the document says what is served, by which version, and how to authenticate", () => {
  expect(document).toMatchObject({
    info: {
      title: "Postern",
      version: "1.2.3",
      description: expect.stringContaining("https://id.example.com"),
    },
    servers: [{ url: "/" }],
    components: { securitySchemes: { accessToken: { type: "http", scheme: "bearer" } } },
  });
  expect(at("paths", "/things/{id}", "get")).toMatchObject({ security: [{ accessToken: [] }] });
});

test("every route is documented once for each method that it is meant for, and hidden ones are not", () => {
  const operations = keysAt("paths").flatMap((path) =>
    keysAt("paths", path).map((method) => `${method} ${path}`),
  );
  expect(operations.sort()).toEqual([
    "delete /everything",
    "get /.well-known/things",
    "get /everything",
    "get /things/{id}",
    "patch /everything",
    "post /everything",
    "post /things",
    "put /everything",
  ]);
});

describe("a body", () => {
  test("has one media type, and its examples by name", () => {
    const body = ["paths", "/things", "post", "requestBody"];
    expect(at(...body)).toMatchObject({ required: true });
    expect(keysAt(...body, "content")).toEqual(["application/json"]);
    expect(at(...body, "content", "application/json", "examples")).toEqual({
      smallest: { value: { name: "a" } },
    });
  });

  test("has its properties in the words of OpenAPI 3.0.3", () => {
    const object = { type: "object", required: ["id"], properties: { id: { type: "string" } } };
    expect(at("paths", "/things", "post", "requestBody", "content", "application/json", "schema")).toEqual({
      type: "object",
      required: ["name", "format", "count", "parent", "either", "labels"],
      properties: {
        name: {
          type: "string",
          minLength: 1,
          maxLength: 9,
          description: "What it is called.",
          example: "door",
        },
        alias: {
          type: "string",
          maxLength: 9,
          pattern: "^(?:[\\s\\S]{1,9})?$",
          description: "Or else.",
          nullable: true,
        },
        format: { type: "string", enum: ["plain", "fancy"] },
        kind: { type: "string", enum: ["thing"] },
        count: { type: "integer", minimum: 1, example: 3 },
        parent: { ...object, nullable: true },
        either: {
          anyOf: [
            { type: "string", nullable: true },
            { ...object, nullable: true },
          ],
        },
        labels: { type: "object", additionalProperties: { type: "string" } },
      },
    });
  });
});

describe("an answer", () => {
  test("has a description, and its examples by name", () => {
    const responses = ["paths", "/things", "post", "responses"];
    expect(keysAt(...responses)).toEqual(["201", "400", "409", "429"]);
    expect(at(...responses, "201")).toEqual({
      description: "Created",
      content: {
        "application/json": {
          schema: { type: "object", required: ["id"], properties: { id: { type: "string", example: "x" } } },
          examples: { one: { value: { id: "x" } } },
        },
      },
    });
  });

  test("of a failure lists its codes with an example each, and its headers", () => {
    const responses = ["paths", "/things", "post", "responses"];
    const failure = [...responses, "400", "content", "application/json"];
    expect(at(...failure, "schema", "properties", "code")).toEqual({
      type: "string",
      enum: ["INVALID_REQUEST"],
    });
    expect(at(...failure, "examples")).toEqual({
      INVALID_REQUEST: {
        value: {
          code: "INVALID_REQUEST",
          message: "email must be an e-mail address.",
          errors: [{ path: "/email", message: "must be an e-mail address" }],
        },
      },
    });
    expect(at(...responses, "429", "headers")).toHaveProperty("Retry-After");
  });
});

test("parameters are documented with their place, bounds and example", () => {
  const parameters = at("paths", "/things/{id}", "get", "parameters");
  expect(parameters).toBeArrayOfSize(3);
  expect(parameters).toContainEqual({
    in: "path",
    name: "id",
    required: true,
    description: "Which.",
    schema: { type: "string", minLength: 1, maxLength: 36 },
  });
  expect(parameters).toContainEqual(
    expect.objectContaining({ in: "header", name: "x-account-id", required: false }),
  );
  expect(parameters).toContainEqual({
    in: "query",
    name: "page",
    required: false,
    example: 1,
    schema: { type: "integer", minimum: 1, example: 1 },
  });
});
