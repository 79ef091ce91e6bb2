import { describe, expect, test } from "bun:test";
import { Value } from "@sinclair/typebox/value";
import { t } from "elysia";
import { describeFault, optionalText, text } from "../../src/http/schemas.ts";

/** The faults that an answer lists: the first one of each place. */
function faultsOf(schema: Parameters<typeof describeFault>[0], value: unknown): Record<string, string> {
  const faults: Record<string, string> = {};
  for (const { path, schema: failing, value: found } of Value.Errors(schema, value)) {
    faults[path] ??= describeFault(failing, found);
  }
  return faults;
}

const description = "Anything.";

describe("text", () => {
  const password = text({ minLength: 8, maxLength: 16, description });

  test("has inclusive bounds that count code points, not UTF-16 units", () => {
    for (const accepted of [
      "12345678",
      "1234567890123456",
      "🔑".repeat(8),
      "🔑".repeat(16),
      "\0".repeat(8),
    ]) {
      expect(Value.Check(password, accepted)).toBe(true);
    }
    for (const refused of ["1234567", "12345678901234567", "🔑".repeat(7), "🔑".repeat(17)]) {
      expect(Value.Check(password, refused)).toBe(false);
      expect(describeFault(password, refused)).toBe("must be 8 to 16 characters");
    }
  });

  test("must be there: null is as good as missing", () => {
    for (const missing of [undefined, null]) {
      expect(Value.Check(password, missing)).toBe(false);
      expect(describeFault(password, missing)).toBe("is required");
    }
  });

  test("must be text", () => {
    for (const value of [12345678, true, {}, ["12345678"]]) {
      expect(Value.Check(password, value)).toBe(false);
      expect(describeFault(password, value)).toBe("must be text");
    }
  });

  test("refuses a lone surrogate, which has no UTF-8", () => {
    expect(Value.Check(password, "12345678\ud83d")).toBe(false);
    expect(describeFault(password, "12345678\ud83d")).toBe("must be valid Unicode");
  });

  test("as an e-mail address is what the HTML standard says", () => {
    const email = text({ minLength: 1, maxLength: 20, email: true, description });
    for (const accepted of ["ada@localhost", "a.b+c@xn--bcher.com"]) {
      expect(Value.Check(email, accepted)).toBe(true);
    }
    for (const refused of ["ada", "@b", "ada@-b.c", '"a b"@c.d', "ada@bücher.de", " ada@b.c"]) {
      expect(Value.Check(email, refused)).toBe(false);
      expect(describeFault(email, refused)).toBe("must be an e-mail address");
    }
    expect(describeFault(email, `ada@${"b".repeat(17)}`)).toBe("must be 1 to 20 characters");
  });

  test("is documented as an ordinary string", () => {
    const schema = text({ minLength: 1, maxLength: 256, email: true, description, example: "a@b.c" });
    expect(JSON.parse(JSON.stringify(schema))).toEqual({
      type: "string",
      minLength: 1,
      maxLength: 256,
      format: "email",
      description,
      example: "a@b.c",
    });
  });
});

describe("optionalText", () => {
  const body = t.Object({
    accountAlias: optionalText({ maxLength: 5, description }),
    code: optionalText({ minLength: 6, maxLength: 6, description }),
    lenientCode: optionalText({ minLength: 6, maxLength: 6, emptyIsAbsent: true, description }),
  });

  test("may be absent or null", () => {
    expect(faultsOf(body, {})).toEqual({});
    expect(faultsOf(body, { accountAlias: null, code: null, lenientCode: null })).toEqual({});
  });

  test("keeps its bounds when it is there", () => {
    expect(faultsOf(body, { accountAlias: "", code: "123456" })).toEqual({});
    expect(faultsOf(body, { accountAlias: "abcdef", code: "", lenientCode: "12345" })).toEqual({
      "/accountAlias": "must be at most 5 characters",
      "/code": "must be 6 characters",
      "/lenientCode": "must be 6 characters",
    });
  });

  test("may take an empty text for absent", () => {
    expect(faultsOf(body, { lenientCode: "" })).toEqual({});
  });
});

test("faults of other schemas are told from the schema alone, never with the value", () => {
  const schema = t.Object({
    name: text({ maxLength: 1, description }),
    active: t.Boolean(),
    page: t.Integer({ minimum: 1 }),
    share: t.Number({ minimum: 0, maximum: 1 }),
    events: t.Array(t.String(), { minItems: 1, maxItems: 20 }),
    address: t.Object({ city: t.String() }),
    format: t.Union([t.Literal("cryptlex"), t.Literal("standard")]),
    limit: t.Union([t.Integer({ minimum: 0, maximum: 100 }), t.Null()]),
    label: t.String(),
  });
  const secret = "hunter2-hunter2";
  const everywhere = Object.fromEntries(Object.keys(schema.properties).map((key) => [key, secret]));
  const faults = faultsOf(schema, { ...everywhere, label: 1 });
  expect(faults).toEqual({
    "/name": "must be at most 1 character",
    "/active": "must be true or false",
    "/page": "must be a whole number, at least 1",
    "/share": "must be a number, at most 1",
    "/events": "must be a list of 1 to 20 items",
    "/address": "must be an object",
    "/format": "must be one of cryptlex, standard",
    "/limit": "must be a whole number, at most 100",
    "/label": "must be text",
  });
  expect(faultsOf(schema, {})).toMatchObject({ "/name": "is required", "/events": "is required" });
  expect(describeFault(schema, "text")).toBe("must be an object");
});
