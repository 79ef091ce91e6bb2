import { beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { atEnd, type StartedBinary, startBinary } from "../support/postern.ts";
import { startReceiver } from "../support/receiver.ts";
import { account, command, importRecords, password, seededFolder, user, webhook } from "../support/seed.ts";
import { tokensOf } from "../support/tokens.ts";
import { authenticatorCode, totpSecret } from "../support/totp.ts";

const settings = { POSTERN_WEBHOOK_ALLOW_NETWORKS: "127.0.0.0/8", POSTERN_LOG_LEVEL: "debug" };
const recoveryCodes = ["zebra-quilt-4711", "unspent-code-0815"];
const triedPassword = "a wrong password that somebody tried";
const newPassword = "a password that was set later";
const webhookToken = "the signing token of the webhook";
const triedCode = "987123";

let postern: StartedBinary;
let personalToken = "";
/** Everything that must be nowhere in the clear, by what it is. */
const secrets = new Map<string, string | Uint8Array>();

beforeAll(async () => {
  const receiver = await startReceiver();
  atEnd(() => receiver.close());
  const dataDir = await seededFolder([
    user("ada", { twoFactorSecret: totpSecret, recoveryCodes }),
    user("bob"),
    user("role", { role: "admin" }),
  ]);
  await importRecords(dataDir, [webhook(receiver.url, webhookToken)], undefined, settings);
  postern = await startBinary({ dataDir, settings });
  const email = "ada@example.com";
  const twoFactorCode = authenticatorCode(totpSecret, Date.now());
  const post = (path: string, body: unknown) => postern.post(path, body);
  const first = await tokensOf(await post("/v3/accounts/login", { email, password, twoFactorCode }));
  const second = await tokensOf(await post("/v3/accounts/refresh", { refreshToken: first.refreshToken }));
  await postern.get("/v3/me", { authorization: `Bearer ${second.accessToken}` });
  await postern.get(`/v3/me?access_token=${second.accessToken}`);
  await tokensOf(
    await post("/v3/accounts/login", { email, password, twoFactorRecoveryCode: recoveryCodes[0] }),
  );
  await post("/v3/accounts/login", { email, password: triedPassword });
  await post("/v3/accounts/login", { email, password, twoFactorCode: triedCode });
  await post("/v3/accounts/login", { email, password, twoFactorRecoveryCode: "tried-recovery-code" });
  await post("/v3/accounts/login", { email: 5, password: triedPassword });
  await post("/v3/accounts/login", `{"password":"${triedPassword}`);
  const named = ["--account", account.id, "--email", "bob@example.com"];
  await command(dataDir, ["user", "set-password", ...named, "--password-stdin"], { input: newPassword });
  await command(dataDir, ["account", "require-two-factor", account.id, "admin"]);
  const { body } = await postern.login({ email: "role@example.com", password });
  personalToken = JSON.parse(
    await command(dataDir, [
      "token",
      "create",
      "--account",
      account.id,
      "--user",
      "bob@example.com",
      "--name",
      "t",
      "--json",
    ]),
  ).token;
  await receiver.next();
  const serverKey = readFileSync(join(dataDir, "secret.key"), "utf8").trim();
  const entries: [string, string | Uint8Array][] = [
    ["the password", password],
    ["a password that was tried", triedPassword],
    ["a password that was set", newPassword],
    ["the TOTP secret", totpSecret],
    ["the TOTP secret's bytes", "12345678901234567890"],
    ["a code that was used", twoFactorCode],
    ["a code that was tried", triedCode],
    ["a spent recovery code", "zebra"],
    ["a spent recovery code without its dashes", "zebraquilt4711"],
    ["an unspent recovery code", "unspent"],
    ["a recovery code that was tried", "tried-recovery-code"],
    ["the webhook's token", webhookToken],
    ["the enrolment ticket", String(body["enrolmentToken"])],
    ["a personal access token", personalToken],
    ["the server key", serverKey],
    ["the server key's bytes", Buffer.from(serverKey, "base64url")],
  ];
  for (const [name, tokens] of [
    ["first", first],
    ["second", second],
  ] as const) {
    entries.push(
      [`the ${name} access token`, tokens.accessToken],
      [`the ${name} refresh token`, tokens.refreshToken],
    );
    entries.push([`the ${name} access token's signature`, tokens.accessToken.split(".")[2] ?? ""]);
    // The session's id is in the database, and may be: it is the MAC that makes a token of it.
    entries.push([
      `the ${name} refresh token's MAC`,
      Buffer.from(tokens.refreshToken.slice(4), "base64url").subarray(20),
    ]);
  }
  for (const [name, secret] of entries) secrets.set(name, secret);
});

function found(haystack: Buffer): string[] {
  return [...secrets].filter(([, secret]) => haystack.includes(Buffer.from(secret))).map(([name]) => name);
}

test("the secrets looked for are what they should be", () => {
  expect(secrets.size).toBe(24);
  for (const [name, secret] of secrets) expect([name, secret.length >= 5]).toEqual([name, true]);
  expect(found(Buffer.from(`...${password}...`))).toEqual(["the password"]);
});

describe("no secret is found in the clear", () => {
  test("in the log, not even at its most talkative", () => {
    expect(postern.output()).toContain('"status":200');
    expect(found(Buffer.from(postern.output()))).toEqual([]);
  });

  test("in any file of the data folder but the server key's own, the write-ahead log included", () => {
    const files = readdirSync(postern.dataDir).filter((file) => file !== "secret.key");
    expect(files).toContain("postern.db-wal");
    const hits = files.flatMap((file) =>
      found(readFileSync(join(postern.dataDir, file))).map((name) => [file, name]),
    );
    expect(hits).toEqual([]);
  });

  test("in the server key's file beyond the key", () => {
    expect(found(readFileSync(join(postern.dataDir, "secret.key")))).toEqual(["the server key"]);
  });

  test("in the arguments and the environment of the running program", () => {
    for (const file of ["cmdline", "environ"]) {
      expect(found(readFileSync(`/proc/${postern.pid}/${file}`))).toEqual([]);
    }
  });
});

test("the first password of a new server is in its one file, and nowhere else", async () => {
  const fresh = await startBinary({ settings: { POSTERN_LOG_LEVEL: "debug" } });
  const first = readFileSync(join(fresh.dataDir, "initial-password"), "utf8").trim();
  expect(first).toHaveLength(24);
  expect((await fresh.login({ email: "admin@postern.local", password: first })).status).toBe(200);
  expect(fresh.output()).not.toContain(first);
  for (const file of readdirSync(fresh.dataDir).filter((name) => name !== "initial-password")) {
    expect([file, readFileSync(join(fresh.dataDir, file)).includes(first)]).toEqual([file, false]);
  }
});
