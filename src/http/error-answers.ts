import type { TSchema } from "@sinclair/typebox";
import { t } from "elysia";
import { ApiError, type ErrorCode, statusOfCode } from "../lib/errors.ts";

/** A property that one code adds to `code` and `message`. */
type Addition = { code: ErrorCode; name: string; schema: TSchema; example: unknown };

const additions: readonly Addition[] = [
  {
    code: "INVALID_REQUEST",
    name: "errors",
    schema: t.Array(
      t.Object({
        path: t.String({ description: "The offending place, as a JSON Pointer into the body (RFC 6901)." }),
        message: t.String({ description: "What is wrong there." }),
      }),
      { description: "Every offending property." },
    ),
    example: [{ path: "/email", message: "must be an e-mail address" }],
  },
  {
    code: "TWO_FACTOR_ENROLMENT_REQUIRED",
    name: "enrolmentToken",
    schema: t.String({
      description: "The Bearer token of the calls that turn two-factor authentication on.",
    }),
    example: "eyJhbGciOiJIUzI1NiJ9…",
  },
  {
    code: "INTERNAL_ERROR",
    name: "requestId",
    schema: t.String({ description: "Look this up in the server's log." }),
    example: "0198c0de-7a5b-7000-8000-5f6c1d2e3a4b",
  },
];

const retryAfter = { description: "Seconds until it makes sense to try again.", schema: { type: "integer" } };
const headersOfStatus: Partial<Record<number, Record<string, unknown>>> = {
  401: { "WWW-Authenticate": { description: "How to authenticate (RFC 6750).", schema: { type: "string" } } },
  405: { Allow: { description: "The methods that this path answers.", schema: { type: "string" } } },
  429: { "Retry-After": retryAfter },
  503: { "Retry-After": retryAfter },
};

/**
 * The answer of some codes that share one status: `{code, message}` and what these codes add, an example for each
 * code.
 */
function errorAnswer(status: number, codes: readonly ErrorCode[]) {
  const added = additions.filter(({ code }) => codes.includes(code));
  const headers = headersOfStatus[status];
  return t.Object(
    {
      code: t.String({ enum: [...codes] }),
      message: t.String({ description: "One English sentence." }),
      ...Object.fromEntries(added.map(({ name, schema }) => [name, t.Optional(schema)])),
    },
    {
      description: codes.map((code) => `\`${code}\`: ${new ApiError(code).message}`).join("\n\n"),
      examples: Object.fromEntries(codes.map((code) => [code, { value: exampleOf(code) }])),
      ...(headers && { headers }),
    },
  );
}

function exampleOf(code: ErrorCode): Record<string, unknown> {
  const added = additions.filter((addition) => addition.code === code);
  return {
    code,
    message: code === "INVALID_REQUEST" ? "email must be an e-mail address." : new ApiError(code).message,
    ...Object.fromEntries(added.map(({ name, example }) => [name, example])),
  };
}

/**
 * The answers of a route's possible failures by status, for its `response`: it documents them, and no handler returns
 * one, since services throw and the translator answers.
 */
export function errorAnswers(...codes: ErrorCode[]): { [status: number]: ReturnType<typeof errorAnswer> } {
  const byStatus = Map.groupBy(codes, (code) => statusOfCode[code]);
  return Object.fromEntries([...byStatus].map(([status, some]) => [status, errorAnswer(status, some)]));
}
