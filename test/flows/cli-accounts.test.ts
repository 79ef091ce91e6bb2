import { describe, expect, test } from "bun:test";
import { statSync } from "node:fs";
import { join } from "node:path";
import { cliOn, isOneLine } from "../support/cli.ts";
import { rowsOf } from "../support/database.ts";
import { temporaryFolder } from "../support/postern.ts";

const create = (alias: string, ...more: string[]) => [
  "account",
  "create",
  "--alias",
  alias,
  "--company",
  "Acme Ltd",
  ...more,
];

describe("postern account create", () => {
  test("makes an empty folder usable and answers with the record", async () => {
    const dataDir = join(temporaryFolder(), "new");
    const cli = cliOn(dataDir);
    const id = "3fa85f64-5717-4562-b3fc-2c963f66afa6";
    const { code, stderr, record } = await cli(create("Acme", "--id", id, "--json"));
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const account = record();
    expect(account).toEqual({
      id,
      alias: "Acme",
      company: "Acme Ltd",
      status: "active",
      requireTwoFactor: "none",
      createdAt: account["createdAt"],
      updatedAt: account["createdAt"],
    });
    expect(String(account["createdAt"])).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect((await cli(["account", "list", "--json"])).records()).toEqual([account]);
    const modes = ["", "postern.db", "secret.key"].map((file) => statSync(join(dataDir, file)).mode & 0o777);
    expect(modes).toEqual([0o700, 0o600, 0o600]);
  });

  test("says with the second account, and only then, that callers must name theirs", async () => {
    const cli = cliOn(temporaryFolder());
    const said: string[] = [];
    for (const alias of ["one", "two", "three"]) said.push((await cli(create(alias))).stdout);
    expect(said.map((text) => text.includes("accountAlias"))).toEqual([false, true, false]);
    const fresh = cliOn(temporaryFolder());
    await fresh(create("one"));
    const { stdout, stderr, record } = await fresh(create("two", "--json"));
    expect(record()).toMatchObject({ alias: "two" });
    expect(stdout).not.toContain("accountAlias");
    expect(stderr).toContain("accountAlias");
  });

  const bounds: [string, string[], number][] = [
    ["an alias of 256 characters", create("a".repeat(256)), 0],
    ["an alias of 257 characters", create("a".repeat(257)), 1],
    ["an empty alias", create(""), 1],
    ["an alias with a space", create("a b"), 1],
    ["an id of 36 characters", create("b", "--id", "1".repeat(36)), 0],
    ["an id of 37 characters", create("c", "--id", "1".repeat(37)), 1],
    ["an empty id", create("d", "--id", ""), 1],
    ["an id with an underscore", create("e", "--id", "a_b"), 1],
    ["a company of 256 characters", ["account", "create", "--alias", "f", "--company", "😀".repeat(256)], 0],
    ["a company of 257 characters", ["account", "create", "--alias", "g", "--company", "😀".repeat(257)], 1],
  ];
  test.each(bounds)("holds its bounds: %s", async (_case, call, expected) => {
    const { code, stderr } = await cliOn(temporaryFolder())(call);
    expect(code).toBe(expected);
    expect(expected === 0 ? stderr === "" : isOneLine(stderr)).toBe(true);
  });

  test("refuses an alias or id that is taken, in whatever case", async () => {
    const cli = cliOn(temporaryFolder());
    await cli(create("acme", "--id", "id-1"));
    for (const call of [create("ACME"), create("other", "--id", "ID-1"), create("Id-1")]) {
      const { code, stdout, stderr } = await cli(call);
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
      expect(stderr).toContain("taken");
    }
  });
});

describe("an account's state", () => {
  test("is changed by its id or alias, shown, and recorded in the audit log", async () => {
    const dataDir = temporaryFolder();
    const cli = cliOn(dataDir);
    await cli(create("acme", "--id", "id-1"));
    expect((await cli(["account", "suspend", "ACME", "--json"])).record()).toMatchObject({
      status: "suspended",
    });
    expect((await cli(["account", "list"])).stdout).toMatch(/id-1 +acme +Acme Ltd +suspended +none/);
    expect((await cli(["account", "resume", "id-1"])).stdout).toBe("The account acme is active.\n");
    const require = (...words: string[]) => cli(["account", "require-two-factor", "acme", ...words]);
    expect((await require("admin", "super-admin", "--json")).record()).toMatchObject({
      requireTwoFactor: ["admin", "super-admin"],
    });
    expect((await require("all", "--json")).record()).toMatchObject({ requireTwoFactor: "all" });
    expect((await require("none", "--json")).record()).toMatchObject({ requireTwoFactor: "none" });
    expect(await require("auditor")).toMatchObject({ code: 1, stdout: "" });
    expect(await require("none", "admin")).toMatchObject({ code: 2, stdout: "" });
    const actions = rowsOf<{ action: string; actor: string }>(dataDir, "SELECT action, actor FROM audit_log");
    expect(actions.map(({ action }) => action)).toEqual([
      "account.created",
      "account.suspended",
      "account.resumed",
      ...Array.from({ length: 3 }, () => "account.two-factor-requirement-changed"),
    ]);
    expect(new Set(actions.map(({ actor }) => actor))).toEqual(new Set(["operator"]));
  });

  test("of an account that does not exist is not changed", async () => {
    const cli = cliOn(temporaryFolder());
    await cli(create("acme"));
    for (const call of [
      ["account", "suspend", "nobody"],
      ["user", "list", "--account", "nobody"],
    ]) {
      const { code, stdout, stderr } = await cli(call);
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
      expect(stderr).toBe(
        'postern: There is no account "nobody": postern account list shows those there are.\n',
      );
    }
  });
});
