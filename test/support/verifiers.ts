import { expect } from "bun:test";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import type { LineProgram } from "./line-program.ts";
import { type Client, startBinary } from "./postern.ts";
import { account, command, password, seededFolder, user } from "./seed.ts";
import { partOf } from "./tokens.ts";

/** Lets programs in a folder import what this project has installed. */
export function modulesOf(folder: string): void {
  symlinkSync(join(import.meta.dir, "../../node_modules"), join(folder, "node_modules"));
}

/**
 * Tries a program of docs/verify-a-token.md against a server whose keys are rotated: it must go on without a restart, and refuse
 * what is forged or for others. `start` takes its parameters.
 */
export async function tryVerifier(start: (issuer: string, audience: string) => LineProgram): Promise<void> {
  const settings = { POSTERN_KEY_PUBLISH_AHEAD: "1s" };
  const server = await startBinary({ dataDir: await seededFolder([user("ada")]), settings });
  const program = start(server.url, account.id);
  const isAda = /^user [0-9a-f-]{36} with the role user$/;

  const before = await tokenOf(server);
  await command(server.dataDir, ["keys", "rotate"], { settings });
  await publishedKeys(server, 2);
  expect(await program.ask(before)).toMatch(isAda);
  const after = await logInUntilKeyChanges(server, before);
  expect(await program.ask(after)).toMatch(isAda);
  expect(await program.ask(before)).toMatch(isAda);

  expect(await program.ask(`${after.slice(0, -4)}AAAA`)).toStartWith("refused: ");
  expect(await program.ask("")).toStartWith("refused: ");
  expect(await start(server.url, "another-account").ask(after)).toStartWith("refused: ");
  const elsewhere = server.url.replace("127.0.0.1", "localhost");
  expect(await start(elsewhere, account.id).ask(after)).toStartWith("refused: ");
}

async function tokenOf(server: Client): Promise<string> {
  const { status, text, body } = await server.login({
    accountId: account.id,
    email: "ada@example.com",
    password,
  });
  const token = body["accessToken"];
  if (status !== 200 || typeof token !== "string") throw new Error(`no tokens but ${status}: ${text}`);
  return token;
}

/** Resolves when the server publishes so many keys. */
async function publishedKeys(server: Client, count: number): Promise<void> {
  for (;;) {
    const { keys } = JSON.parse(await (await server.get("/.well-known/jwks.json")).text());
    if (keys.length === count) return;
  }
}

async function logInUntilKeyChanges(server: Client, before: string): Promise<string> {
  for (;;) {
    const token = await tokenOf(server);
    if (partOf(token, 0)["kid"] !== partOf(before, 0)["kid"]) return token;
  }
}
