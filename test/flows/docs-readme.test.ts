import { beforeAll, describe, expect, test } from "bun:test";
import { symlinkSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { codeBlocks, markedCode, readDocument, section } from "../support/documents.ts";
import { startLineProgram } from "../support/line-program.ts";
import { binary, type StartedBinary, startBinary, temporaryFolder } from "../support/postern.ts";
import { partOf } from "../support/tokens.ts";
import { modulesOf } from "../support/verifiers.ts";

const readme = await readDocument("README.md");
const openToLoopback = { POSTERN_WEBHOOK_ALLOW_NETWORKS: "127.0.0.1/32" };

/** A clone as the README's reader has it: `dist/postern`, and after the start `data`. */
const clone = temporaryFolder();
let server: StartedBinary;

beforeAll(async () => {
  await mkdir(join(clone, "dist"));
  symlinkSync(binary, join(clone, "dist/postern"));
  server = await startBinary({ dataDir: join(clone, "data"), cwd: clone, settings: openToLoopback });
});

/** Runs what stands in one of the README's blocks, with this test's addresses in the place of the usual ones. */
async function shell(script: string, addresses: Record<string, string> = {}): Promise<string> {
  const all = { "http://127.0.0.1:8080": server.url, ...addresses };
  const own = Object.entries(all).reduce((text, [usual, here]) => text.replaceAll(usual, here), script);
  const child = Bun.spawn(["sh", "-ec", own], {
    cwd: clone,
    env: { PATH: process.env["PATH"] ?? "", ...openToLoopback },
    stdin: new Blob(["a passphrase of some length"]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [code, said, complaints] = await Promise.all([
    child.exited,
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  if (code !== 0) throw new Error(`the README's ${script} ended with ${code}: ${complaints}`);
  return said;
}

/** One of the shell blocks under a heading. */
function shellBlock(heading: string, index = 0): string {
  const block = codeBlocks(section(readme, heading), "sh")[index];
  if (block === undefined) throw new Error(`there is no block ${index} under ${heading}`);
  return block;
}

const logIn = () => shell(shellBlock("## Log in"));

describe("the README's", () => {
  test("login answers the two tokens that it shows", async () => {
    expect(JSON.parse(await logIn())).toEqual({
      accessToken: expect.stringMatching(/^eyJhbGciOiJFUzI1NiIs/),
      refreshToken: expect.stringMatching(/^ptr_/),
    });
  });

  test("receiver prints the login, and refuses what is not signed", async () => {
    await Bun.write(join(clone, "receiver.ts"), markedCode(readme, "receiver.ts"));
    const port = await freePort();
    const [register = ""] = shellBlock("## Receive a webhook").split("\n");
    const url = `http://127.0.0.1:${port}`;
    const said = await shell(register, { "http://127.0.0.1:3000": url });
    const token = / once: (\S+)/.exec(said)?.[1] ?? "";
    const receiver = startLineProgram([process.execPath, "receiver.ts"], {
      cwd: clone,
      env: { WEBHOOK_TOKEN: token, PORT: String(port) },
    });
    expect(await receiver.next()).toStartWith("Listening on ");
    expect((await fetch(url, { method: "POST", body: "{}" })).status).toBe(401);
    const forged = { "webhook-signature": Buffer.alloc(32).toString("base64") };
    expect((await fetch(url, { method: "POST", body: "{}", headers: forged })).status).toBe(401);
    await logIn();
    expect(JSON.parse(await receiver.next())).toMatchObject({
      event: "account.logged-in",
      data: { email: "admin@postern.local" },
    });
  });

  test("receiver does not start without a token", async () => {
    await Bun.write(join(clone, "receiver.ts"), markedCode(readme, "receiver.ts"));
    const child = Bun.spawn([process.execPath, "receiver.ts"], {
      cwd: clone,
      env: { PORT: "0", WEBHOOK_TOKEN: "" },
      stderr: "pipe",
    });
    expect(await child.exited).toBe(1);
    expect(await new Response(child.stderr).text()).toContain("Set WEBHOOK_TOKEN");
  });

  test("verifier says whom a request speaks for, and throws for any other token", async () => {
    const { accessToken } = JSON.parse(await logIn());
    const { sub, aud } = partOf(accessToken, 1);
    const code = markedCode(readme, "user-of.ts")
      .replace("https://login.example.com", server.url)
      .replace("01a20f41-dc95-72e6-9e72-fa4560f6bc74", String(aud));
    modulesOf(clone);
    await Bun.write(join(clone, "user-of.ts"), code);
    const { userOf } = await import(join(clone, "user-of.ts"));
    const request = (token: string) =>
      new Request("http://localhost/", { headers: { authorization: `Bearer ${token}` } });
    expect(await userOf(request(accessToken))).toBe(String(sub));
    expect(userOf(request(`${accessToken.slice(0, -4)}AAAA`))).rejects.toThrow();
    expect(userOf(new Request("http://localhost/"))).rejects.toThrow();
  });

  test("import brings its user, who is there a second time already", async () => {
    const [records = ""] = codeBlocks(section(readme, "## Import users"), "json");
    await Bun.write(join(clone, "users.jsonl"), records);
    expect(await shell(shellBlock("## Import users"))).toContain("2 created");
    expect(await shell(shellBlock("## Import users"))).toContain("2 unchanged");
  });

  test("commands make an account with a user, who then logs in by the account's alias", async () => {
    await shell(shellBlock("## Log in", 1).replace("Lovelace", "Lovelace --password-stdin"));
    const { status } = await server.login({
      accountAlias: "acme",
      email: "ada@example.com",
      password: "a passphrase of some length",
    });
    expect(status).toBe(200);
  });
});

async function freePort(): Promise<number> {
  const holder = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response() });
  const { port = 0 } = holder;
  await holder.stop(true);
  return port;
}
