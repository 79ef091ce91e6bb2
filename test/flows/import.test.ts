import { beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Cli, cliOn, type Ran } from "../support/cli.ts";
import { rowsOf } from "../support/database.ts";
import { type StartedBinary, startBinary, temporaryFolder } from "../support/postern.ts";
import { authenticatorCode } from "../support/totp.ts";

const password = "correct horse battery staple";
const twoFactorSecret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
let server: StartedBinary;
let cli: Cli;

beforeAll(async () => {
  server = await startBinary();
  cli = cliOn(server.dataDir);
});

type Line = Record<string, unknown> | string;

/** Imports lines into the account `default` of the server, or of another folder. */
function importLines(lines: readonly Line[], on: Cli = cli): Promise<Ran> {
  const file = join(temporaryFolder(), "records.jsonl");
  writeFileSync(
    file,
    lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n"),
  );
  return on(["import", file, "--account", "default", "--json"]);
}

async function userNamed(email: string): Promise<Record<string, unknown> | undefined> {
  const users = (await cli(["user", "list", "--account", "default", "--json"])).records();
  return users.find((user) => user["email"] === email);
}

const user = (name: string, fields: Record<string, unknown> = {}) => ({
  kind: "user",
  email: `${name}@example.com`,
  firstName: name,
  lastName: "Example",
  ...fields,
});

describe("an import", () => {
  test("brings every field of every kind, whatever the order of the lines, and leaves no file behind", async () => {
    const { code, stderr, record } = await importLines([
      user("ada", {
        id: "u-1",
        company: "Analytical Engines",
        password,
        role: "user",
        roles: ["user", "auditor"],
        organizationId: "o-1",
        resellerId: "r-1",
        tags: ["beta", "vip"],
        metadata: [
          { key: "department", value: "research", viewPermissions: ["activation"], visible: true },
          { key: "desk", value: "" },
        ],
        emailPreference: { metrics: false },
        allowCustomerPortalAccess: true,
        googleSsoEnabled: true,
      }),
      "",
      {
        kind: "organization",
        id: "o-1",
        name: "Engines Ltd",
        email: "office@example.com",
        description: "wholesale",
        resellerId: "r-1",
        allowedUsers: 25,
        address: {
          addressLine1: "12 St James's Square",
          city: "London",
          country: "GB",
          postalCode: "SW1Y 4JH",
        },
      },
      {
        kind: "reseller",
        id: "r-1",
        name: "Babbage Resale",
        email: "sales@example.com",
        description: "d",
        allowedUsers: 500,
        allowedOrganizations: 20,
      },
      { kind: "role", name: "auditor" },
      {
        kind: "webhook",
        id: "w-1",
        name: "crm",
        url: "https://example.com/hook",
        events: ["account.logged-in"],
        active: false,
        signatureFormat: "standard",
        token: `whsec_${Buffer.alloc(32, 1).toString("base64")}`,
      },
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(record()).toMatchObject({ lines: 5, created: 5, updated: 0, unchanged: 0, failed: 0, errors: [] });
    const reseller = {
      id: "r-1",
      name: "Babbage Resale",
      email: "sales@example.com",
      description: "d",
      allowedUsers: 500,
      allowedOrganizations: 20,
    };
    expect(await userNamed("ada@example.com")).toMatchObject({
      id: "u-1",
      name: "ada Example",
      company: "Analytical Engines",
      role: "user",
      roles: ["user", "auditor"],
      twoFactorEnabled: false,
      googleSsoEnabled: true,
      allowCustomerPortalAccess: true,
      organizationId: "o-1",
      organization: {
        name: "Engines Ltd",
        email: "office@example.com",
        description: "wholesale",
        allowedUsers: 25,
        address: {
          addressLine1: "12 St James's Square",
          addressLine2: "",
          city: "London",
          state: "",
          country: "GB",
          postalCode: "SW1Y 4JH",
        },
        resellerId: "r-1",
        reseller,
      },
      resellerId: "r-1",
      reseller,
      metadata: [
        { key: "department", value: "research", viewPermissions: ["activation"], visible: true },
        { key: "desk", value: "", viewPermissions: [], visible: false },
      ],
      tags: ["beta", "vip"],
      emailPreference: { metrics: false },
      status: "active",
    });
    const webhooks = (await cli(["webhook", "list", "--account", "default", "--json"])).records();
    expect(webhooks).toMatchObject([{ id: "w-1", name: "crm", active: false, signatureFormat: "standard" }]);
    const files = rowsOf<{ file: string }>(server.dataDir, "PRAGMA database_list").length;
    expect(files).toBe(1);
    const left = [...new Bun.Glob("*").scanSync({ cwd: server.dataDir, dot: true })];
    expect(left.filter((file) => file.includes("import"))).toEqual([]);
  });

  test("lets its users log in: with a password, with a hash from elsewhere, with either second factor", async () => {
    const passwordHash = await Bun.password.hash(password, { algorithm: "bcrypt", cost: 4 });
    await importLines([
      user("plain", { password }),
      user("hashed", { passwordHash }),
      user("second", {
        password,
        twoFactorSecret: twoFactorSecret.toLowerCase(),
        recoveryCodes: ["ABCD-EFGH-1234"],
      }),
      user("none"),
    ]);
    const login = async (name: string, more = {}) =>
      (await server.login({ email: `${name}@example.com`, password, ...more })).body["code"] ?? "logged in";
    expect(await login("plain")).toBe("logged in");
    expect(await login("hashed")).toBe("logged in");
    expect(await login("second")).toBe("MISSING_TWO_FACTOR_CODE");
    expect(await login("second", { twoFactorCode: authenticatorCode(twoFactorSecret, Date.now()) })).toBe(
      "logged in",
    );
    expect(await login("second", { twoFactorRecoveryCode: "abcd efgh 1234" })).toBe("logged in");
    expect(await login("none")).toBe("INVALID_CREDENTIALS");
    const bytes = await Bun.file(join(server.dataDir, "postern.db")).text();
    for (const secret of [password, twoFactorSecret, "ABCD-EFGH-1234", "abcdefgh1234"]) {
      expect(bytes.includes(secret)).toBe(false);
    }
  });

  test("takes the example of docs/commands.md", async () => {
    const page = await Bun.file(join(import.meta.dir, "../../docs/commands.md")).text();
    const example = /```jsonl\n([^`]+)```/.exec(page)?.[1] ?? "";
    const dataDir = temporaryFolder();
    const file = join(temporaryFolder(), "example.jsonl");
    writeFileSync(file, example);
    await cliOn(dataDir)(["account", "create", "--alias", "acme", "--company", "Acme Ltd"]);
    const { code, stdout } = await cliOn(dataDir)(["import", file, "--account", "acme"]);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: "Imported 6 lines: 6 created, 0 updated, 0 unchanged.\n",
    });
  });

  test("shows a generated signing token this once", async () => {
    const line = {
      kind: "webhook",
      name: "generated",
      url: "https://example.com",
      events: ["account.logged-in"],
    };
    const first = (await importLines([line])).record();
    expect(first["webhooks"]).toMatchObject([
      { name: "generated", token: expect.stringMatching(/^[\w-]{43}$/) },
    ]);
    expect((await importLines([line])).record()).toMatchObject({ unchanged: 1, webhooks: [] });
  });

  test("takes null for what is absent, a byte order mark, and line ends of Windows", async () => {
    const line = JSON.stringify(
      user("nulls", { company: null, password: null, organizationId: null, metadata: null }),
    );
    const { code, record } = await importLines([`\uFEFF${line}\r`, `${JSON.stringify(user("crlf"))}\r`]);
    expect({ code, created: record()["created"] }).toEqual({ code: 0, created: 2 });
  });

  test("of many users is applied beside a server that goes on answering logins", async () => {
    await importLines([user("steady", { password })]);
    const importing = importLines(Array.from({ length: 3_000 }, (_, index) => user(`many-${index}`)));
    let over = false;
    void importing.finally(() => {
      over = true;
    });
    let logins = 0;
    while (!over) {
      const { status } = await server.login({ email: "steady@example.com", password });
      expect(status).toBe(200);
      logins += 1;
    }
    expect((await importing).record()).toMatchObject({ created: 3_000, failed: 0 });
    expect(logins).toBeGreaterThan(3);
  });
});

describe("importing again", () => {
  test("changes nothing, not even a time, and writes no audit entry", async () => {
    const lines = [
      { kind: "reseller", id: "again-r", name: "Resale" },
      {
        kind: "organization",
        id: "again-o",
        name: "Engines",
        resellerId: "again-r",
        address: { city: "London" },
      },
      { kind: "role", name: "again-role" },
      user("again", {
        password,
        twoFactorSecret,
        recoveryCodes: ["again-code-1"],
        roles: ["user", "again-role"],
        organizationId: "again-o",
        tags: ["a"],
        metadata: [{ key: "k", value: "v" }],
        emailPreference: { metrics: true },
      }),
      {
        kind: "webhook",
        name: "again",
        url: "https://example.com",
        events: ["account.logged-in"],
        token: "again-token",
      },
    ];
    // On a folder of its own: a server rehashes what its users log in with whenever it has the time.
    const dataDir = temporaryFolder();
    await cliOn(dataDir)(["account", "create", "--alias", "default", "--company", ""]);
    await importLines(lines, cliOn(dataDir));
    const rows = () =>
      [
        "users",
        "user_metadata",
        "organizations",
        "resellers",
        "roles",
        "webhooks",
        "two_factor",
        "recovery_codes",
        "audit_log",
      ].map((table) => rowsOf(dataDir, `SELECT * FROM ${table}`));
    const before = rows();
    const { code, record } = await importLines(lines, cliOn(dataDir));
    expect(code).toBe(0);
    expect(record()).toMatchObject({ created: 0, updated: 0, unchanged: 5, credentialsKept: 1 });
    expect(rows()).toEqual(before);
  });

  test("changes what a line says otherwise, and leaves what it does not say", async () => {
    await importLines([
      user("changed", { id: "changed", company: "One", tags: ["a"], organizationId: null }),
    ]);
    const before = await userNamed("changed@example.com");
    const { record } = await importLines([user("changed", { company: "Two" })]);
    expect(record()).toMatchObject({ created: 0, updated: 1 });
    const after = await userNamed("changed@example.com");
    expect(after).toMatchObject({
      id: "changed",
      company: "Two",
      tags: ["a"],
      createdAt: before?.["createdAt"],
    });
    expect(Date.parse(String(after?.["updatedAt"]))).toBeGreaterThan(
      Date.parse(String(before?.["updatedAt"])),
    );
  });

  test("undoes no password that was changed or rehashed since, and wakes no spent recovery code", async () => {
    const passwordHash = await Bun.password.hash(password, { algorithm: "bcrypt", cost: 4 });
    const line = user("owner", {
      passwordHash,
      twoFactorSecret,
      recoveryCodes: ["spent-code-1", "spare-code-2"],
    });
    await importLines([line]);
    const email = "owner@example.com";
    const login = async (typed: string, code: string) =>
      (await server.login({ email, password: typed, twoFactorRecoveryCode: code })).body["code"] ??
      "logged in";
    expect(await login(password, "spent-code-1")).toBe("logged in");
    await cli(["user", "set-password", "--account", "default", "--email", email, "--password-stdin"], {
      input: "a password of my own",
    });
    expect((await importLines([line])).record()).toMatchObject({ unchanged: 1, credentialsKept: 1 });
    expect(await login(password, "spare-code-2")).toBe("INVALID_CREDENTIALS");
    expect(await login("a password of my own", "spent-code-1")).toBe("INVALID_TWO_FACTOR_RECOVERY_CODE");
    expect(await login("a password of my own", "spare-code-2")).toBe("logged in");
  });
});
