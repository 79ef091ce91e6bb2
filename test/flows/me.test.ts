import { beforeAll, describe, expect, test } from "bun:test";
import { type StartedBinary, startBinary } from "../support/postern.ts";
import { sendRaw } from "../support/raw-http.ts";
import { password, seededFolder, user } from "../support/seed.ts";
import { tokensOf } from "../support/tokens.ts";

const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

let postern: StartedBinary;
let authorization = "";

beforeAll(async () => {
  postern = await startBinary({ dataDir: await seededFolder([user("ada", { id: "user-1" })]) });
  const login = { email: "ada@example.com", password };
  const { accessToken } = await tokensOf(await postern.post("/v3/accounts/login", login));
  authorization = `Bearer ${accessToken}`;
});

describe("GET /v3/me", () => {
  test("tells the user everything of itself, with every key and no secret", async () => {
    const response = await postern.get("/v3/me", { authorization });
    expect(response.status).toBe(200);
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(await response.json()).toEqual({
      id: "user-1",
      createdAt: expect.stringMatching(time),
      updatedAt: expect.stringMatching(time),
      name: "ada Example",
      firstName: "ada",
      lastName: "Example",
      email: "ada@example.com",
      role: "user",
      twoFactorEnabled: false,
      googleSsoEnabled: false,
      lastLoginAt: expect.stringMatching(time),
      company: "",
      allowCustomerPortalAccess: false,
      roles: ["user"],
      lastSeenAt: expect.stringMatching(time),
      organizationId: null,
      organization: null,
      resellerId: null,
      reseller: null,
      metadata: [],
      tags: [],
      emailPreference: { metrics: true },
    });
  });

  test("answers HEAD without a body", async () => {
    const response = await fetch(`${postern.url}/v3/me`, { method: "HEAD", headers: { authorization } });
    expect([response.status, await response.text()]).toEqual([200, ""]);
  });
});

describe("GET /v3/me/licenses", () => {
  test("answers an empty list to a valid token, as desktop clients ask: with a content type and no body", async () => {
    const headers = { authorization, "content-type": "application/json" };
    const response = await postern.get(
      "/v3/me/licenses?productId=6f9619ff-8b86-d011-b42d-00c04fc964ff",
      headers,
    );
    expect(response.status).toBe(200);
    expect(await response.text()).toBe("[]");
    expect(response.headers.get("content-type")).toStartWith("application/json");
    expect(response.headers.get("cache-control")).toBe("no-store");
  });

  test("does so whatever the content type, where there is no body", async () => {
    for (const type of ["application/x-www-form-urlencoded", "text/plain", "*/*"]) {
      const response = await postern.get("/v3/me/licenses", { authorization, "content-type": type });
      expect(response.status).toBe(200);
    }
  });

  test("does so with a declared length of nothing", async () => {
    const lines = [
      "GET /v3/me/licenses HTTP/1.1",
      "Host: x",
      `Authorization: ${authorization}`,
      "Content-Length: 0",
    ];
    const { status, body } = await sendRaw(postern.url, [`${lines.join("\r\n")}\r\n\r\n`]);
    expect([status, body]).toEqual([200, "[]"]);
  });

  test("answers 401 without a token", async () => {
    const response = await postern.get("/v3/me/licenses", { "content-type": "application/json" });
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toBe('Bearer realm="postern"');
    expect(await response.json()).toEqual({ code: "UNAUTHENTICATED", message: expect.any(String) });
  });
});
