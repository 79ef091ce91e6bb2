import { beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Secret } from "otpauth";
import { rowsOf } from "../support/database.ts";
import { call, logIn } from "../support/logged-in.ts";
import { atEnd, type StartedBinary, startBinary } from "../support/postern.ts";
import { startReceiver } from "../support/receiver.ts";
import { account, command, importRecords, password, seededFolder, user, webhook } from "../support/seed.ts";
import { authenticatorCode } from "../support/totp.ts";
import { beginEnrolment, recoveryCodesOf, stepMs } from "../support/two-factor.ts";

// What a whole life of a second factor leaves behind: nothing that it is made of.

const webhookSettings = { POSTERN_WEBHOOK_ALLOW_NETWORKS: "127.0.0.0/8" };
const settings = { ...webhookSettings, POSTERN_LOG_LEVEL: "debug" };
const events = [
  "account.logged-in",
  "two-factor.enabled",
  "two-factor.disabled",
  "two-factor.recovery-code-used",
  "user.updated",
];

let postern: StartedBinary;
/** Bodies of answers but those whose purpose is to tell a secret. */
const answers: string[] = [];
const delivered: string[] = [];
const secrets = new Map<string, Uint8Array | string>();

/** A base32 secret in all its forms. */
function addSecret(what: string, base32: string): void {
  const bytes = Secret.fromBase32(base32).bytes;
  secrets.set(`${what}, in base32`, base32);
  secrets.set(`${what}, in small letters`, base32.toLowerCase());
  secrets.set(`${what}, its bytes`, bytes);
  secrets.set(`${what}, in hex`, Buffer.from(bytes).toString("hex"));
  secrets.set(`${what}, in base64`, Buffer.from(bytes).toString("base64").replaceAll("=", ""));
}

function addRecoveryCodes(what: string, codes: readonly string[]): void {
  for (const [index, code] of codes.entries()) {
    secrets.set(`${what} ${index}`, code);
    secrets.set(`${what} ${index} without dashes`, code.replaceAll("-", ""));
  }
}

beforeAll(async () => {
  const receiver = await startReceiver();
  atEnd(() => receiver.close());
  const dataDir = await seededFolder([user("ada"), user("boss", { role: "admin" }), user("must")]);
  await importRecords(dataDir, [webhook(receiver.url, "token", { events })], undefined, webhookSettings);
  postern = await startBinary({ dataDir, settings });
  const mine = await logIn(postern, "ada@example.com");
  const heard = async (method: string, path: string, body?: unknown, token = mine.accessToken) => {
    answers.push(await (await call(postern, method, path, { token, body })).text());
  };

  const abandoned = await beginEnrolment(postern, mine.accessToken);
  const secret = await beginEnrolment(postern, mine.accessToken);
  const waits = Date.now();
  const code = (steps: number) => authenticatorCode(secret, waits + steps * stepMs);
  const [spent, next] = [code(0), code(1)];
  await heard("PATCH", "/v3/me", { twoFactorEnabled: true, twoFactorCode: "918273" });
  await heard("PATCH", "/v3/me", { twoFactorEnabled: true, twoFactorCode: spent });
  const former = await recoveryCodesOf(mine);
  const codes = await recoveryCodesOf(mine);
  const replacing = await beginEnrolment(postern, mine.accessToken);
  await heard("GET", "/v3/me/2fa");
  await heard("GET", "/v3/me");
  await heard("POST", "/v3/me/2fa-secret", { password: 5, twoFactorCode: next });
  await heard("POST", "/v3/me/2fa-secret", { twoFactorCode: `${next}9`, twoFactorRecoveryCode: codes[0] });
  const login = { accountId: account.id, email: mine.email, password };
  await postern.login({ ...login, twoFactorRecoveryCode: codes[0] });
  await postern.login({ ...login, twoFactorCode: next });
  answers.push((await postern.login({ ...login, twoFactorCode: next })).text);
  answers.push((await postern.login({ ...login, twoFactorRecoveryCode: codes[0] })).text);
  await heard("PATCH", "/v3/me", { twoFactorEnabled: false, twoFactorRecoveryCode: codes[1] });
  await command(dataDir, ["account", "require-two-factor", account.alias, "user"]);
  const must = await postern.login({ ...login, email: "must@example.com" });
  const ticket = String(must.body["enrolmentToken"]);
  const byTicket = await beginEnrolment(postern, ticket);
  await heard(
    "PATCH",
    "/v3/me",
    { twoFactorEnabled: true, twoFactorCode: authenticatorCode(byTicket, Date.now()) },
    ticket,
  );
  const boss = await logIn(postern, "boss@example.com");
  await heard("POST", `/v3/users/${mine.userId}/reset-2fa`, undefined, boss.accessToken);
  for (let seen: string[] = []; !seen.includes("user.updated"); ) {
    const body = (await receiver.next()).body.toString();
    delivered.push(body);
    seen = [...seen, JSON.parse(body).event];
  }

  addSecret("a secret that was abandoned", abandoned);
  addSecret("the secret", secret);
  addSecret("a secret that waits", replacing);
  addSecret("a secret of a ticket", byTicket);
  addRecoveryCodes("a former recovery code", former);
  addRecoveryCodes("a recovery code", codes);
  secrets.set("the ticket", ticket).set("the ticket's signature", ticket.split(".")[2] ?? "");
  secrets.set("the password", password);
  for (const who of [mine, boss]) {
    secrets
      .set(`an access token of ${who.email}`, who.accessToken)
      .set(`a refresh token of ${who.email}`, who.refreshToken);
  }
});

const found = (haystack: Buffer | string) => {
  const bytes = Buffer.from(haystack);
  return [...secrets].filter(([, secret]) => bytes.includes(Buffer.from(secret))).map(([name]) => name);
};
/** Six digits may stand in a time or an id: a code is looked for as a word, and where nothing but text is. */
const codesIn = (text: string) =>
  [...text.matchAll(/(?<![0-9a-z.-])[0-9]{6}(?![0-9a-z.-])/gi)].map(([digits]) => digits);

test("the secrets looked for are what they should be", () => {
  expect(secrets.size).toBe(4 * 5 + 2 * 20 + 2 + 1 + 4);
  for (const [name, secret] of secrets) expect([name, secret.length >= 20]).toEqual([name, true]);
  expect(found(`..${[...secrets.values()][0]}..`)).toHaveLength(1);
  expect(answers).toHaveLength(11);
  for (const answer of answers) expect(answer).toStartWith("{");
});

describe("secret, recovery codes, tickets and tokens are never", () => {
  test("in the log, and no code is", () => {
    expect(postern.output()).toContain("/v3/me/2fa-secret");
    expect(found(postern.output())).toEqual([]);
    expect(codesIn(postern.output())).toEqual([]);
  });

  test("in an event", () => {
    expect(new Set(delivered.map((body) => JSON.parse(body).event))).toEqual(new Set(events));
    expect(found(delivered.join("\n"))).toEqual([]);
    expect(codesIn(delivered.join("\n"))).toEqual([]);
    const kept = rowsOf<{ body: string }>(postern.dataDir, "SELECT body FROM outbox_events").map(({ body }) =>
      String(body),
    );
    expect(found(kept.join("\n"))).toEqual([]);
  });

  test("in an audit entry", () => {
    const entries = rowsOf<Record<string, unknown>>(postern.dataDir, "SELECT * FROM audit_log");
    expect(entries.map(({ action }) => action)).toContain("two-factor.reset");
    expect(found(JSON.stringify(entries))).toEqual([]);
    expect(codesIn(entries.map(({ details }) => String(details)).join("\n"))).toEqual([]);
  });

  test("in an error or a later answer", () => {
    expect(answers.some((answer) => answer.includes("INVALID_REQUEST"))).toBe(true);
    expect(found(answers.join("\n"))).toEqual([]);
    expect(codesIn(answers.join("\n"))).toEqual([]);
  });

  test("in the clear in a file of the data folder, the write-ahead log included, while secrets wait, are in force and are forgotten", () => {
    const files = readdirSync(postern.dataDir).filter((file) => file !== "secret.key");
    expect(files).toContain("postern.db-wal");
    for (const file of files)
      expect([file, found(readFileSync(join(postern.dataDir, file)))]).toEqual([file, []]);
  });
});

test("every secret in force or waiting is a ciphertext of its own: the same one under two names does not look alike", () => {
  const sealed = [
    ...rowsOf<{ secret: Uint8Array }>(postern.dataDir, "SELECT secret FROM two_factor"),
    ...rowsOf<{ secret: Uint8Array }>(postern.dataDir, "SELECT secret FROM pending_two_factor"),
  ].map(({ secret }) => Buffer.from(secret).toString("hex"));
  expect(sealed.length).toBeGreaterThan(0);
  expect(new Set(sealed).size).toBe(sealed.length);
});
