import { beforeAll, describe, expect, test } from "bun:test";
import { createHmac, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { type StartedBinary, startBinary } from "../support/postern.ts";
import { account, command, password, seededFolder, user } from "../support/seed.ts";
import { partOf, tokensOf } from "../support/tokens.ts";

let postern: StartedBinary;
let accessToken = "";
let refreshToken = "";
let header: Record<string, unknown> = {};
let claims: Record<string, unknown> = {};
let publicKey: KeyObject;

beforeAll(async () => {
  postern = await startBinary({ dataDir: await seededFolder([user("ada"), user("bob")]) });
  const login = { email: "ada@example.com", password };
  ({ accessToken, refreshToken } = await tokensOf(await postern.post("/v3/accounts/login", login)));
  header = partOf(accessToken, 0);
  claims = partOf(accessToken, 1);
  const { keys } = JSON.parse(await (await postern.get("/.well-known/jwks.json")).text());
  publicKey = createPublicKey({ key: keys[0], format: "jwk" });
});

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
const signingInput = (changes: object = {}) => `${encode({ ...header, ...changes })}.${encode(claims)}`;

function signedBy({ privateKey }: { privateKey: KeyObject }, input: string): string {
  const signature = sign("sha256", Buffer.from(input), { key: privateKey, dsaEncoding: "ieee-p1363" });
  return `${input}.${signature.toString("base64url")}`;
}

/** A token whose HMAC is keyed with what everybody knows. */
function macked(key: string | Buffer): string {
  const input = signingInput({ alg: "HS256" });
  return `${input}.${createHmac("sha256", key).update(input).digest("base64url")}`;
}

/** Holds the answer to an `Authorization` header to that of a bad token. */
async function expectRefused(authorization: string): Promise<void> {
  for (const path of ["/v3/me", "/v3/me/licenses"]) {
    const response = await postern.get(path, { authorization });
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toBe('Bearer realm="postern", error="invalid_token"');
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(await response.json()).toEqual({ code: "UNAUTHENTICATED", message: expect.any(String) });
  }
}

const expectTokenRefused = (token: string) => expectRefused(`Bearer ${token}`);

describe("a token is refused", () => {
  test("without a signature, whatever its algorithm says", async () => {
    for (const alg of ["none", "None", "NONE", "ES256", ""]) {
      await expectTokenRefused(`${signingInput({ alg })}.`);
      await expectTokenRefused(signingInput({ alg }));
    }
  });

  test("with an HMAC keyed with the public key", async () => {
    const pem = publicKey.export({ format: "pem", type: "spki" });
    const jwk = JSON.stringify(publicKey.export({ format: "jwk" }));
    for (const key of [pem, publicKey.export({ format: "der", type: "spki" }), jwk, ""]) {
      await expectTokenRefused(macked(key));
    }
  });

  test("signed by somebody else's key, even one that it brings itself", async () => {
    const thief = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const jwk = thief.publicKey.export({ format: "jwk" });
    const elsewhere = "https://evil.example/jwks.json";
    for (const changes of [
      {},
      { jwk },
      { jku: elsewhere },
      { x5u: elsewhere },
      { kid: "unknown" },
      { kid: "../../dev/null" },
    ]) {
      await expectTokenRefused(signedBy(thief, signingInput(changes)));
    }
  });

  test("with a signature of nothing but zeros, or of the wrong length", async () => {
    for (const length of [0, 1, 63, 64, 65, 128]) {
      await expectTokenRefused(`${signingInput()}.${Buffer.alloc(length).toString("base64url")}`);
    }
  });

  test("whose claims were changed under a genuine signature", async () => {
    const [head = "", , signature = ""] = accessToken.split(".");
    for (const changes of [{ role: "super-admin" }, { sub: "someone" }, { exp: 4_000_000_000 }]) {
      await expectTokenRefused(`${head}.${encode({ ...claims, ...changes })}.${signature}`);
    }
  });

  test("cut short anywhere", async () => {
    for (let length = accessToken.length - 1; length > 0; length -= 7) {
      await expectTokenRefused(accessToken.slice(0, length));
    }
  });

  test("that is a refresh token", async () => {
    await expectTokenRefused(refreshToken);
  });

  test("that looks like a personal access token", async () => {
    for (const token of ["ptp_", `ptp_${"A".repeat(43)}`, "ptp_' OR 1=1 --"]) await expectTokenRefused(token);
  });

  test("in another place than the header", async () => {
    for (const query of [`access_token=${accessToken}`, `token=${accessToken}`]) {
      expect((await postern.get(`/v3/me?${query}`)).status).toBe(401);
    }
    expect((await postern.get("/v3/me", { cookie: `access_token=${accessToken}` })).status).toBe(401);
  });

  test("in a header of another form", async () => {
    const others = [
      accessToken,
      `Basic ${accessToken}`,
      `Bearer  ${accessToken}`,
      `Bearer ${accessToken} x`,
      "Bearer",
    ];
    for (const authorization of [
      ...others,
      `Bearer ${accessToken},Bearer ${accessToken}`,
      `Token ${accessToken}`,
    ]) {
      await expectRefused(authorization);
    }
  });

  test("of any length, and others are served meanwhile", async () => {
    await expectTokenRefused("A".repeat(10_000));
    await expectTokenRefused(`${encode(header)}.${"A".repeat(10_000)}.${"A".repeat(86)}`);
    expect((await postern.get("/health")).status).toBe(200);
  });
});

test("no token at all is asked for, without the word invalid", async () => {
  const response = await postern.get("/v3/me");
  expect(response.status).toBe(401);
  expect(response.headers.get("www-authenticate")).toBe('Bearer realm="postern"');
});

test("the genuine token was good all the while", async () => {
  for (const scheme of ["Bearer", "bearer", "BEARER"]) {
    expect((await postern.get("/v3/me", { authorization: `${scheme} ${accessToken}` })).status).toBe(200);
  }
});

test("a genuine token ends with its user's suspension, at once", async () => {
  await command(postern.dataDir, ["user", "suspend", "--account", account.id, "--email", "ada@example.com"]);
  await expectTokenRefused(accessToken);
});
