import { swagger } from "@elysiajs/swagger";
import { type AnyElysia, Elysia } from "elysia";
import { makeValid } from "./openapi-validity.ts";

export type DocumentFacts = {
  /** Where the server is known: the issuer of its tokens. */
  publicUrl: string;
  version: string;
};

/**
 * The OpenAPI document of an application's routes, those with `detail.hide` left out, as JSON text. Its server is
 * `/`, so that calls made from the page go to wherever the page came from.
 */
export async function openApiDocument(app: AnyElysia, facts: DocumentFacts): Promise<string> {
  // The plugin brings a page that loads scripts from elsewhere, so it is no part of the application: it describes a
  // copy of
  // the routes that nobody can reach.
  const described = new Elysia();
  for (const { method, path, hooks } of app.routes) described.route(method, path, () => undefined, hooks);
  described.use(swagger({ documentation: documentation(facts), excludeStaticFile: false }));
  const answer = await described.handle(new Request("http://localhost/swagger/json"));
  return JSON.stringify(makeValid(await answer.json()));
}

function documentation({ publicUrl, version }: DocumentFacts) {
  return {
    info: { title: "Postern", version, description: description(publicUrl) },
    servers: [{ url: "/" }],
    tags: [
      { name: "Login", description: "Tokens for an e-mail address and a password, and their renewal" },
      { name: "Me", description: "The user that an access token speaks for" },
      {
        name: "Two-factor",
        description: "The second factor of a user: turning it on, recovering, resetting",
      },
      { name: "Verify tokens", description: "What a backend needs to trust an access token" },
      { name: "Health", description: "Whether the server works" },
    ],
    components: {
      securitySchemes: {
        accessToken: {
          type: "http" as const,
          scheme: "bearer",
          bearerFormat: "JWT",
          description: "The `accessToken` of a login.",
        },
        enrolmentToken: {
          type: "http" as const,
          scheme: "bearer",
          description: "The `enrolmentToken` of a login that was answered `TWO_FACTOR_ENROLMENT_REQUIRED`.",
        },
        personalAccessToken: {
          type: "http" as const,
          scheme: "bearer",
          description: "A token made by `postern token create`, for the scopes that it was given.",
        },
      },
    },
  };
}

function description(publicUrl: string): string {
  return `A self-hosted login service. It answers the login call of the Cryptlex Web API v3: clients that were written for that work here unchanged.

**On this page:** open *Log in*, press *Try it out*, enter an e-mail address and password, press *Execute*. The access token goes with the calls that need one, until the page is reloaded.

**Tokens** are issued by \`${publicUrl}\` (\`iss\`) and signed with ES256; any backend verifies them with the keys of \`/.well-known/jwks.json\`.

**Errors** are always \`{"code": "UPPER_SNAKE", "message": "One English sentence."}\`. Besides those listed at each call, an unknown path answers 404 \`NOT_FOUND\`, and a known one that does not answer the method 405 \`METHOD_NOT_ALLOWED\` with \`Allow\`.`;
}
