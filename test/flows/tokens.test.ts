import { beforeAll, describe, expect, test } from "bun:test";
import { createRemoteJWKSet, jwtVerify } from "jose";
import {
  type StartedBinary,
  type StartedInProcess,
  startBinary,
  startInProcess,
} from "../support/postern.ts";
import { account, password, seededFolder, user } from "../support/seed.ts";
import { stoppedClock } from "../support/stopped-clock.ts";
import { partOf, tokensOf } from "../support/tokens.ts";

const ada = { email: "ada@example.com", password };
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

const logIn = async (postern: StartedBinary | StartedInProcess) =>
  tokensOf(await postern.post("/v3/accounts/login", ada));

describe("an access token", () => {
  const clock = stoppedClock();
  let postern: StartedInProcess;

  beforeAll(async () => {
    const dataDir = await seededFolder([
      user("ada", { id: "user-1", role: "admin", roles: ["admin", "user"] }),
    ]);
    postern = await startInProcess({ dataDir, clock });
  });

  test("has the published header and claims, and no others", async () => {
    const { accessToken } = await logIn(postern);
    const now = Math.floor(clock.now() / 1_000);
    expect(partOf(accessToken, 0)).toEqual({ alg: "ES256", typ: "at+jwt", kid: expect.any(String) });
    expect(partOf(accessToken, 1)).toEqual({
      iss: postern.url,
      sub: "user-1",
      aud: account.id,
      exp: now + 15 * 60,
      iat: now,
      jti: expect.stringMatching(uuid),
      sid: expect.stringMatching(uuid),
      account: account.id,
      role: "admin",
      scope: "all",
    });
  });

  test("is one of its own each time, and so is its session", async () => {
    const claims = [await logIn(postern), await logIn(postern)].map(({ accessToken }) =>
      partOf(accessToken, 1),
    );
    expect(claims[0]?.["jti"]).not.toBe(claims[1]?.["jti"]);
    expect(claims[0]?.["sid"]).not.toBe(claims[1]?.["sid"]);
  });

  test("is good for 15 minutes and half a minute more, for clocks that differ", async () => {
    const { accessToken } = await logIn(postern);
    const me = async () => (await postern.get("/v3/me", { authorization: `Bearer ${accessToken}` })).status;
    // `exp` counts whole seconds, and this clock stands amid none.
    clock.move(15 * 60_000 + 29_999);
    expect(await me()).toBe(200);
    clock.move(1);
    expect(await me()).toBe(401);
  });
});

describe("any backend", () => {
  let postern: StartedBinary;

  beforeAll(async () => {
    const dataDir = await seededFolder([user("ada")]);
    postern = await startBinary({
      dataDir,
      settings: { POSTERN_PUBLIC_URL: "https://login.example.com", POSTERN_ACCESS_TOKEN_TTL: "5m" },
    });
  });

  test("verifies an access token by the published keys, with a library that knows nothing of Postern", async () => {
    const { accessToken } = await logIn(postern);
    const keys = createRemoteJWKSet(new URL("/.well-known/jwks.json", postern.url));
    const { payload, protectedHeader } = await jwtVerify(accessToken, keys, {
      issuer: "https://login.example.com",
      audience: account.id,
      typ: "at+jwt",
      algorithms: ["ES256"],
      requiredClaims: ["exp", "iat", "sub", "jti", "sid"],
    });
    expect(protectedHeader.alg).toBe("ES256");
    expect(Number(payload.exp) - Number(payload.iat)).toBe(5 * 60);
  });

  test("finds the keys public alone, and may keep them for a while", async () => {
    const response = await postern.get("/.well-known/jwks.json");
    expect(response.status).toBe(200);
    expect(response.headers.get("cache-control")).toMatch(/^public, max-age=[1-9]\d*$/);
    expect(await response.json()).toEqual({
      keys: [
        {
          kty: "EC",
          crv: "P-256",
          alg: "ES256",
          use: "sig",
          x: expect.stringMatching(/^[\w-]{43}$/),
          y: expect.stringMatching(/^[\w-]{43}$/),
          kid: expect.stringMatching(/^[\w-]{43}$/),
        },
      ],
    });
  });

  test("finds the same keys after a restart, and tokens from before it are good", async () => {
    const { accessToken } = await logIn(postern);
    const before = await (await postern.get("/.well-known/jwks.json")).text();
    await postern.end();
    postern = await startBinary({ dataDir: postern.dataDir, settings: postern.settings });
    expect(await (await postern.get("/.well-known/jwks.json")).text()).toBe(before);
    expect((await postern.get("/v3/me", { authorization: `Bearer ${accessToken}` })).status).toBe(200);
  });
});
