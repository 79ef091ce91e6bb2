import { describe, expect, test } from "bun:test";
import { createRemoteJWKSet, jwtVerify } from "jose";
import { logIn } from "../support/logged-in.ts";
import { startBinary, startInProcess } from "../support/postern.ts";
import { account, seededFolder, user } from "../support/seed.ts";

const metadataPath = "/.well-known/openid-configuration";

describe("GET /.well-known/openid-configuration", () => {
  test("names the issuer, where its keys are and the one algorithm, and may be kept for five minutes", async () => {
    const postern = await startInProcess({ settings: { POSTERN_PUBLIC_URL: "https://login.example.com" } });
    const response = await postern.get(metadataPath);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toStartWith("application/json");
    expect(response.headers.get("cache-control")).toBe("public, max-age=300");
    expect(await response.json()).toEqual({
      issuer: "https://login.example.com",
      jwks_uri: "https://login.example.com/.well-known/jwks.json",
      id_token_signing_alg_values_supported: ["ES256"],
      token_endpoint_auth_methods_supported: [],
      response_types_supported: [],
      subject_types_supported: ["public"],
    });
  });

  test.each([
    ["https://login.example.com/", "https://login.example.com"],
    ["https://example.com/auth", "https://example.com/auth"],
    ["https://example.com/auth/", "https://example.com/auth"],
  ])("of a public URL %s says %s, with one slash before each path", async (publicUrl, issuer) => {
    const postern = await startInProcess({ settings: { POSTERN_PUBLIC_URL: publicUrl } });
    expect(await (await postern.get(metadataPath)).json()).toMatchObject({
      issuer,
      jwks_uri: `${issuer}/.well-known/jwks.json`,
    });
  });

  test("says nothing that a request brings: neither its Host nor what it claims to be forwarded for", async () => {
    const postern = await startInProcess();
    const headers = {
      host: "evil.example",
      "x-forwarded-host": "evil.example",
      forwarded: "host=evil.example",
    };
    expect(await (await postern.get(metadataPath, headers)).json()).toMatchObject({ issuer: postern.url });
  });

  test("is enough for a verifier that knows the issuer alone", async () => {
    const postern = await startBinary({ dataDir: await seededFolder([user("ada")]) });
    const { accessToken, userId } = await logIn(postern, "ada@example.com");
    const issuer = postern.url;
    const metadata = JSON.parse(await (await fetch(issuer + metadataPath)).text());
    const { payload } = await jwtVerify(accessToken, createRemoteJWKSet(new URL(metadata.jwks_uri)), {
      issuer: metadata.issuer,
      audience: account.id,
      algorithms: metadata.id_token_signing_alg_values_supported,
    });
    expect(payload.sub).toBe(userId);
  });
});
