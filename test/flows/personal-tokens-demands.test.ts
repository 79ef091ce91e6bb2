import { describe, expect, test } from "bun:test";
import { Elysia, t } from "elysia";
import { errorTranslator } from "../../src/http/error-translator.ts";
import { type Authenticate, guard, type Identity } from "../../src/http/guard.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { makeLog } from "../../src/lib/log.ts";
import { openApiDocument } from "../../src/ops/openapi.ts";

// What routes may demand beside a good token. Those of the program that take any token demand nothing: these do.

const someone: Identity = { accountId: "a-1", userId: "u-1", role: "user", sessionId: null, scopes: [] };

const known: Record<string, Identity> = {
  login: { ...someone, sessionId: "s-1", scopes: "all" },
  "admin-login": { ...someone, role: "admin", sessionId: "s-2", scopes: "all" },
  reader: { ...someone, role: "admin", scopes: ["users:read", "audit:read"] },
  writer: { ...someone, role: "admin", scopes: ["users:write"] },
  "user-writer": { ...someone, scopes: ["users:write"] },
};

const authenticate: Authenticate = async (token) => known[token];

const app = new Elysia()
  .use(errorTranslator(makeLog({ level: "error", format: "json", clock: systemClock, write: () => {} })))
  .use(
    new Elysia()
      .use(guard({ authenticate, authenticateTicket: async () => undefined }))
      .get("/things", ({ identity }) => identity.userId, {
        token: { scope: "users:read" },
        detail: { summary: "List things", description: "All of them." },
      })
      .post("/things", ({ identity }) => identity.userId, {
        token: { scope: "users:write", roles: ["admin", "super-admin"] },
        body: t.Object({ name: t.String() }),
        detail: { summary: "Make a thing" },
      })
      .get("/any", ({ identity }) => identity.userId, { token: { scope: null }, detail: { summary: "Any" } })
      .get("/own", ({ identity }) => identity.sessionId, { session: true, detail: { summary: "Own" } }),
  );

async function ask(token: string, method: string, path: string, body?: unknown) {
  const response = await app.handle(
    new Request(`http://localhost${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    }),
  );
  const text = await response.text();
  const said = response.ok ? text : JSON.parse(text).message;
  return [response.status, said, response.headers.get("www-authenticate")];
}

describe("a route that demands a scope", () => {
  test("answers a token that has it, and a login, which may do all that its user may", async () => {
    for (const token of ["reader", "login"]) {
      expect(await ask(token, "GET", "/things")).toEqual([200, "u-1", null]);
    }
  });

  test("forbids a token that lacks it, and names it", async () => {
    expect(await ask("writer", "GET", "/things")).toEqual([
      403,
      "The token lacks the scope users:read.",
      'Bearer realm="postern", error="insufficient_scope", scope="users:read"',
    ]);
  });
});

describe("a route that demands a role", () => {
  test("answers a user who holds one of them, by token and by login", async () => {
    for (const token of ["writer", "admin-login"]) {
      expect(await ask(token, "POST", "/things", { name: "x" })).toEqual([200, "u-1", null]);
    }
  });

  test("forbids everybody else, by token and by login, whatever the body", async () => {
    for (const token of ["user-writer", "login"]) {
      for (const body of [{ name: "x" }, { name: 5 }]) {
        expect(await ask(token, "POST", "/things", body)).toEqual([
          403,
          "This needs one of the roles admin, super-admin.",
          null,
        ]);
      }
    }
  });
});

test("a route that demands nothing beyond a token takes any, and one for logins only those", async () => {
  for (const token of Object.keys(known)) expect((await ask(token, "GET", "/any"))[0]).toBe(200);
  expect(await ask("login", "GET", "/own")).toEqual([200, "s-1", null]);
  expect((await ask("reader", "GET", "/own"))[0]).toBe(403);
  expect((await ask("nobody", "GET", "/any"))[0]).toBe(401);
});

test("the document tells what each route demands, to people and to programs", async () => {
  const facts = { publicUrl: "https://login.example.com", version: "1.0.0" };
  const { paths } = JSON.parse(await openApiDocument(app, facts));
  const either = [{ accessToken: [] }, { personalAccessToken: [] }];
  expect(paths["/things"].get).toMatchObject({
    security: either,
    "x-required-scope": "users:read",
    description: "All of them.\n\nA personal access token needs the scope `users:read`.",
  });
  expect(paths["/things"].post).toMatchObject({
    security: either,
    "x-required-scope": "users:write",
    "x-required-roles": ["admin", "super-admin"],
    description:
      "A personal access token needs the scope `users:write`.\n\nFor users with the role `admin` or `super-admin`.",
  });
  expect(paths["/any"].get).toMatchObject({ security: either });
  expect(paths["/any"].get).not.toHaveProperty("description");
  expect(paths["/own"].get).toMatchObject({ security: [{ accessToken: [] }] });
});
