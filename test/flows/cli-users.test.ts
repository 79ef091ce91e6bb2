import { beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Cli, cliOn, isOneLine } from "../support/cli.ts";
import { type StartedBinary, startBinary } from "../support/postern.ts";

const password = "correct horse battery staple";
let server: StartedBinary;
let cli: Cli;

/** Everything here happens beside a running server, on its data folder. */
beforeAll(async () => {
  server = await startBinary();
  cli = cliOn(server.dataDir);
});

const create = (email: string, ...more: string[]) => [
  ...["user", "create", "--account", "default", "--email", email],
  ...["--first-name", "Ada", "--last-name", "Lovelace", "--password-stdin", ...more],
];
const on = (command: string, email: string, ...more: string[]) => [
  ...["user", command, "--account", "default", "--email", email, ...more],
];

describe("postern user create", () => {
  test("makes a user who can log in at once, and answers with the record", async () => {
    const { code, stderr, record } = await cli(create("Ada@Example.com", "--role", "admin", "--json"), {
      input: `${password}\n`,
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const user = record();
    expect(user).toMatchObject({
      name: "Ada Lovelace",
      email: "Ada@Example.com",
      role: "admin",
      roles: ["admin"],
      status: "active",
      lastLoginAt: null,
      metadata: [],
    });
    const { status } = await server.login({ email: "ada@example.com", password });
    expect(status).toBe(200);
    const listed = (await cli(["user", "list", "--account", "default", "--json"])).records();
    expect(listed.find(({ id }) => id === user["id"])).toMatchObject({ lastLoginAt: expect.any(String) });
  });

  test("has the role user unless it is told another, which the account must have", async () => {
    const made = await cli(create("role@example.com", "--json"), { input: password });
    expect(made.record()).toMatchObject({ role: "user" });
    const refused = await cli(create("role2@example.com", "--role", "auditor"), { input: password });
    expect({ ...refused }).toMatchObject({ code: 1, stdout: "" });
    expect(refused.stderr).toContain("no role auditor");
  });

  test("refuses an e-mail that a user has in another case", async () => {
    await cli(create("twice@example.com"), { input: password });
    const { code, stdout, stderr } = await cli(create("TWICE@example.com"), { input: password });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(isOneLine(stderr)).toBe(true);
  });

  test.each(["", "no-at", "a@b@c", "a@-b.c", "ä@example.com", `${"a".repeat(245)}@example.com`])(
    "refuses %j as an e-mail",
    async (email) => {
      expect(await cli(create(email), { input: password })).toMatchObject({ code: 1, stdout: "" });
    },
  );

  const passwords: [string, string | Uint8Array, number][] = [
    ["of 8 characters", "p4ssw0r!", 0],
    ["of 7 characters", "p4ssw0r", 1],
    ["of 8 emoji", "🐎🐎🔋🐎🐎🔋🐎🔋", 0],
    ["of 256 characters", "🐎".repeat(256), 0],
    ["of 257 characters", "é".repeat(257), 1],
    ["of more bytes than any password has", "x".repeat(5_000), 1],
    ["that is the e-mail address", "PASSWORD-POLICY@example.com", 1],
    ["that is not UTF-8", Uint8Array.of(0xff, 0xfe, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67), 1],
    ["that is empty", "", 1],
  ];
  test.each(passwords)("holds the bounds of a password: one %s", async (name, input, expected) => {
    const email =
      name === "that is the e-mail address"
        ? "password-policy@example.com"
        : `p-${Bun.hash(name).toString(36)}@example.com`;
    const { code, stdout, stderr } = await cli(create(email), { input });
    expect(code).toBe(expected);
    if (expected === 1) expect({ stdout, line: isOneLine(stderr) }).toEqual({ stdout: "", line: true });
  });

  test("takes a password with spaces around it as it is, without the one line end behind it", async () => {
    await cli(create("spaces@example.com"), { input: "  a password \n\n" });
    const login = (typed: string) => server.login({ email: "spaces@example.com", password: typed });
    expect((await login("  a password \n")).status).toBe(200);
    expect((await login("a password")).status).toBe(400);
  });

  test("asks for a password where none is given: with 2 and a sentence where there is nobody to ask", async () => {
    const call = create("nobody@example.com").filter((word) => word !== "--password-stdin");
    const { code, stdout, stderr } = await cli(call, { input: password });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain("--password-stdin");
  });
});

describe("postern user set-password", () => {
  test("lets the new password in, the old one out, and ends the sessions", async () => {
    const email = "change@example.com";
    await cli(create(email), { input: password });
    const before = await server.login({ email, password });
    const { code, stdout } = await cli(on("set-password", email, "--password-stdin"), {
      input: "another password",
    });
    expect(code).toBe(0);
    expect(stdout).not.toContain("another password");
    const refreshed = await server.post("/v3/accounts/refresh", {
      refreshToken: before.body["refreshToken"],
    });
    expect(refreshed.status).toBe(400);
    expect((await server.login({ email, password })).status).toBe(400);
    expect((await server.login({ email, password: "another password" })).status).toBe(200);
  });

  test("removes the file of the first password when it is the first user's, and no other's", async () => {
    const file = join(server.dataDir, "initial-password");
    const first = "admin@postern.local";
    await cli(create("other@example.com"), { input: password });
    await cli(on("set-password", "other@example.com", "--password-stdin"), { input: "another password" });
    await cli(on("set-password", first, "--password-stdin"), { input: "short" });
    expect(existsSync(file)).toBe(true);
    await cli(on("set-password", "ADMIN@postern.local", "--password-stdin"), { input: "another password" });
    expect(existsSync(file)).toBe(false);
    expect((await server.login({ email: first, password: "another password" })).status).toBe(200);
  });

  test("of a user who does not exist is refused", async () => {
    const { code, stderr } = await cli(on("set-password", "none@example.com", "--password-stdin"), {
      input: password,
    });
    expect(code).toBe(1);
    expect(stderr).toContain('has no user with the e-mail address "none@example.com"');
  });
});

describe("postern user unlock", () => {
  test("lets a locked user try again at once", async () => {
    const email = "locked@example.com";
    await cli(create(email), { input: password });
    for (let count = 0; count < 5; count += 1) await server.login({ email, password: "a wrong password" });
    expect((await server.login({ email, password })).status).toBe(429);
    const { code, stdout } = await cli(on("unlock", "LOCKED@example.com"));
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: "The user locked@example.com is not locked any more.\n",
    });
    expect((await server.login({ email, password })).status).toBe(200);
  });
});

describe("postern user suspend and resume", () => {
  test("keep a user out and let it in again", async () => {
    const email = "suspended@example.com";
    await cli(create(email), { input: password });
    const before = await server.login({ email, password });
    expect((await cli(on("suspend", email, "--json"))).record()).toMatchObject({ status: "suspended" });
    expect((await server.login({ email, password })).body).toMatchObject({ code: "USER_SUSPENDED" });
    const refreshed = await server.post("/v3/accounts/refresh", {
      refreshToken: before.body["refreshToken"],
    });
    expect(refreshed.status).toBe(400);
    expect((await cli(on("resume", email, "--json"))).record()).toMatchObject({ status: "active" });
    expect((await server.login({ email, password })).status).toBe(200);
  });
});
