import { beforeAll, describe, expect, test } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { SignJWT } from "jose";
import { systemRandom } from "../../src/lib/random.ts";
import { makeSecrets } from "../../src/lib/secrets.ts";
import { call, logIn, outcomeOf } from "../support/logged-in.ts";
import { type StartedInProcess, startInProcess } from "../support/postern.ts";
import {
  account,
  command,
  createAccount,
  importRecords,
  password,
  seededFolder,
  user,
} from "../support/seed.ts";
import { stoppedClock } from "../support/stopped-clock.ts";
import { partOf } from "../support/tokens.ts";
import { answerOf } from "../support/two-factor.ts";

const clock = stoppedClock();
const elsewhere = { id: "other-account", alias: "other" };

let postern: StartedInProcess;
let ticket = "";
let accessToken = "";
/** The key that tickets are signed with: whoever has it may forge what he likes, but for what the claims are held to. */
let key: Uint8Array;

beforeAll(async () => {
  const dataDir = await seededFolder([user("ada"), user("free")]);
  await createAccount(dataDir, elsewhere);
  await importRecords(dataDir, [user("abroad")], elsewhere.id);
  postern = await startInProcess({ dataDir, clock });
  const free = await logIn(postern, "free@example.com");
  accessToken = free.accessToken;
  await command(dataDir, ["account", "require-two-factor", account.id, "all"]);
  const { body } = await postern.login({ accountId: account.id, email: "ada@example.com", password });
  ticket = String(body["enrolmentToken"]);
  const serverKey = readFileSync(join(dataDir, "secret.key"), "utf8").trim();
  key = makeSecrets(Buffer.from(serverKey, "base64url"), systemRandom).subkey("enrolment-ticket");
});

const begin = async (token: string) => outcomeOf(await call(postern, "POST", "/v3/me/2fa-secret", { token }));
const refused = "401 UNAUTHENTICATED";

/** The genuine ticket's claims, changed, and signed with the genuine key. */
function forged(
  changes: Record<string, unknown>,
  header: { alg?: string; typ?: string } = {},
): Promise<string> {
  const claims = Object.fromEntries(
    Object.entries({ ...partOf(ticket, 1), ...changes }).filter(([, value]) => value !== undefined),
  );
  return new SignJWT(claims).setProtectedHeader({ alg: "HS256", typ: "enrolment+jwt", ...header }).sign(key);
}

test("the genuine ticket is good, and so is one that is made alike: what follows fails by its change alone", async () => {
  expect(partOf(ticket, 0)).toEqual({ alg: "HS256", typ: "enrolment+jwt" });
  expect(await begin(ticket)).toBe("200");
  expect(await begin(await forged({}))).toBe("200");
});

describe("an enrolment ticket", () => {
  test("is good for its two calls: every other that needs a token answers 401, and so does refreshing", async () => {
    const document = await answerOf(await postern.get("/swagger/json"));
    const operations = Object.entries(Object(document["paths"])).flatMap(([path, methods]) =>
      Object.entries<{ operationId: string; security?: object[] }>(Object(methods)).map(
        ([method, operation]) => ({ method: method.toUpperCase(), path, ...operation }),
      ),
    );
    const guarded = operations.filter(({ security = [] }) =>
      JSON.stringify(security).includes("accessToken"),
    );
    const own = guarded.filter(({ security }) => JSON.stringify(security).includes("enrolmentToken"));
    expect(own.map(({ operationId }) => operationId).toSorted()).toEqual(["beginTwoFactor", "updateMe"]);
    const others = guarded.filter(
      (operation) => !own.includes(operation) && operation.operationId !== "logout",
    );
    expect(others.length).toBeGreaterThanOrEqual(8);
    for (const { method, path, operationId } of others) {
      const body = ["POST", "PATCH", "PUT"].includes(method) ? {} : undefined;
      const outcome = await outcomeOf(
        await call(postern, method, path.replace("{id}", "x"), { token: ticket, body }),
      );
      expect([operationId, outcome]).toEqual([operationId, refused]);
    }
    expect(await outcomeOf(await postern.post("/v3/accounts/refresh", { refreshToken: ticket }))).toBe(
      "400 INVALID_REFRESH_TOKEN",
    );
  });

  test("is no access token for a backend: those are ES256 and for an account", () => {
    expect(partOf(accessToken, 0)).toMatchObject({ alg: "ES256", typ: "at+jwt" });
    expect(partOf(ticket, 1)["aud"]).toBe("postern:enrolment");
    expect(partOf(accessToken, 1)["aud"]).toBe(account.id);
    expect(Object.keys(partOf(ticket, 1)).sort()).toEqual([
      "account",
      "aud",
      "exp",
      "iat",
      "iss",
      "passwordVersion",
      "sub",
    ]);
  });

  test.each<[string, Record<string, unknown>]>([
    ["another issuer", { iss: "https://evil.example" }],
    ["no issuer", { iss: undefined }],
    ["another audience", { aud: account.id }],
    ["no audience", { aud: undefined }],
    ["no expiry", { exp: undefined }],
    ["an expiry that is over", { exp: Math.floor(clock.now() / 1_000) }],
    ["a beginning that is to come", { nbf: Math.floor(clock.now() / 1_000) + 60 }],
    ["nobody", { sub: undefined }],
    ["an unknown user", { sub: "nobody" }],
    ["another account", { account: elsewhere.id }],
    ["no account", { account: undefined }],
    ["an earlier password", { passwordVersion: 0 }],
    ["a later password", { passwordVersion: 2 }],
    ["no password", { passwordVersion: undefined }],
    ["a password of another type", { passwordVersion: "1" }],
  ])("for %s is refused, though the signature is right", async (_, changes) => {
    expect(await begin(await forged(changes))).toBe(refused);
  });

  test("of another type is refused: a token of one use never passes for another", async () => {
    for (const typ of ["JWT", "at+jwt", "at+JWT", ""])
      expect(await begin(await forged({}, { typ }))).toBe(refused);
  });

  test.each(["none", "None", "HS512", "HS384", "RS256", "ES256", ""])(
    "of the algorithm %j is refused",
    async (alg) => {
      const [, claims = "", signature = ""] = ticket.split(".");
      const header = Buffer.from(JSON.stringify({ alg, typ: "enrolment+jwt" })).toString("base64url");
      for (const token of [
        `${header}.${claims}.`,
        `${header}.${claims}.${signature}`,
        `${header}.${claims}`,
      ]) {
        expect(await begin(token)).toBe(refused);
      }
      if (alg.startsWith("HS")) expect(await begin(await forged({}, { alg }))).toBe(refused);
    },
  );

  test("signed with a key pair is refused", async () => {
    for (const [alg, { privateKey }] of [
      ["RS256", generateKeyPairSync("rsa", { modulusLength: 2048 })],
      ["ES256", generateKeyPairSync("ec", { namedCurve: "P-256" })],
    ] as const) {
      const token = await new SignJWT(partOf(ticket, 1))
        .setProtectedHeader({ alg, typ: "enrolment+jwt" })
        .sign(privateKey);
      expect(await begin(token)).toBe(refused);
    }
  });

  test("signed with any other key of this server is refused", async () => {
    const serverKey = Buffer.from(
      readFileSync(join(postern.dataDir, "secret.key"), "utf8").trim(),
      "base64url",
    );
    const secrets = makeSecrets(serverKey, systemRandom);
    const others = (["refresh-token", "recovery-code", "login-identity", "encryption-at-rest"] as const).map(
      secrets.subkey,
    );
    for (const other of [serverKey, new Uint8Array(32), ...others]) {
      const token = await new SignJWT(partOf(ticket, 1))
        .setProtectedHeader({ alg: "HS256", typ: "enrolment+jwt" })
        .sign(other);
      expect(await begin(token)).toBe(refused);
    }
  });

  test("with anything of it changed is refused", async () => {
    const [header = "", claims = "", signature = ""] = ticket.split(".");
    const other = Buffer.from(
      JSON.stringify({ ...partOf(ticket, 1), sub: partOf(accessToken, 1)["sub"] }),
    ).toString("base64url");
    expect(await begin(`${header}.${other}.${signature}`)).toBe(refused);
    for (let length = ticket.length - 1; length > 0; length -= 7)
      expect(await begin(ticket.slice(0, length))).toBe(refused);
    for (const token of [
      `${ticket}.`,
      `.${ticket}`,
      `${ticket}A`,
      `${header}.${claims}.${signature}.${signature}`,
      `${ticket} x`,
    ]) {
      expect(await begin(token)).toBe(refused);
    }
  });

  test("of any length is refused, and others are served meanwhile", async () => {
    expect(await begin(`${"A".repeat(5_000)}.${"A".repeat(5_000)}.${"A".repeat(43)}`)).toBe(refused);
    expect(await begin(await forged({ padding: "x".repeat(2_048) }))).toBe(refused);
  });

  test("in a URL is none", async () => {
    expect(
      await outcomeOf(
        await call(postern, "POST", `/v3/me/2fa-secret?enrolmentToken=${ticket}&access_token=${ticket}`),
      ),
    ).toBe(refused);
  });

  test("of another server, or of another public URL, is refused", async () => {
    const { body } = await (async () => {
      const other = await startInProcess({
        dataDir: await seededFolder([user("ada", { id: String(partOf(ticket, 1)["sub"]) })]),
        clock,
      });
      await command(other.dataDir, ["account", "require-two-factor", account.id, "all"]);
      return other.login({ accountId: account.id, email: "ada@example.com", password });
    })();
    expect(await begin(String(body["enrolmentToken"]))).toBe(refused);
  });
});
