import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { commands } from "../../src/cli/commands.ts";
import { cliOn, isOneLine, run } from "../support/cli.ts";
import { temporaryFolder } from "../support/postern.ts";

const names = commands.map(({ name }) => name);
const groups = [
  ...new Set(names.filter((name) => name.includes(" ")).map((name) => name.split(" ")[0] ?? "")),
];

describe("help", () => {
  test.each(["--help", "-h", "help"])("postern %s lists every command", async (word) => {
    const { code, stdout, stderr } = await run([word]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const name of names) expect(stdout).toContain(`  ${name} `);
  });

  test.each(groups)("postern %s --help lists the commands of the group, and no others", async (group) => {
    const { code, stdout } = await run([group, "--help"]);
    expect(code).toBe(0);
    const listed = names.filter((name) => stdout.includes(`  ${name} `));
    expect(listed).toEqual(names.filter((name) => name.startsWith(`${group} `)));
  });

  test.each(names)("postern %s --help tells how it is called, with every option", async (name) => {
    const { code, stdout, stderr } = await run([...name.split(" "), "--help"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain(`Usage: postern ${name}`);
    const options = commands.find((command) => command.name === name)?.options ?? {};
    for (const option of Object.keys(options)) expect(stdout).toContain(`--${option}`);
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(100);
    expect((await run(["help", ...name.split(" ")])).stdout).toBe(stdout);
  });

  test.each(["--version", "version", "-v"])("postern %s tells the version", async (word) => {
    expect(await run([word])).toMatchObject({ code: 0, stdout: `${packageJson.version}\n`, stderr: "" });
  });
});

describe("a call that no command understands", () => {
  const wrong: [string, string[], RegExp][] = [
    ["an unknown command", ["usr", "list"], /user list/],
    ["an unknown command of a group", ["user", "lst"], /user list/],
    ["an unknown option", ["user", "list", "--acount", "x"], /--acount.*--account/],
    ["a missing option", ["user", "list"], /--account ACCOUNT is missing/],
    ["an option without its value", ["user", "list", "--account"], /--account/],
    ["a flag with a value", ["account", "list", "--json=yes"], /--json/],
    ["an option given twice", ["user", "list", "--account", "a", "--account", "b"], /more than once/],
    ["a missing argument", ["account", "suspend"], /ACCOUNT is missing/],
    ["one of two arguments missing", ["account", "require-two-factor", "a"], /is missing/],
    ["an argument too many", ["account", "suspend", "a", "b"], /more arguments/],
    ["an argument where none is taken", ["account", "list", "a"], /more arguments/],
  ];
  test.each(wrong)("ends with 2 and one line that says what to do: %s", async (_case, args, told) => {
    const { code, stdout, stderr } = await cliOn(temporaryFolder())(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(told);
    expect(stderr.startsWith("postern: ") && isOneLine(stderr)).toBe(true);
  });

  test.each(["", "user"])("ends with 2 and the list of commands: postern %s", async (group) => {
    const { code, stdout, stderr } = await run(group === "" ? [] : [group]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain("user list");
  });

  test("never repeats a secret that stands where it must not", async () => {
    const dataDir = temporaryFolder();
    for (const args of [
      ["--password", "hunter2hunter2"],
      ["--password=hunter2hunter2"],
      ["--passwort", "hunter2hunter2"],
      ["hunter2hunter2"],
    ]) {
      const call = ["user", "set-password", "--account", "a", "--email", "e@example.com", ...args];
      const { code, stdout, stderr } = await cliOn(dataDir)(call);
      expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
      expect(stderr).not.toContain("hunter2");
    }
  });
});

describe("a data folder", () => {
  const changing = names.filter((name) => !/create$|^serve$|^import$|^health$/.test(name));
  const needed: Record<string, string[]> = {
    "account suspend": ["a"],
    "account resume": ["a"],
    "account require-two-factor": ["a", "all"],
    "token revoke": ["t"],
  };
  const options = ["--account", "a", "--email", "e@example.com", "--password-stdin"];
  test.each(changing)("without a database is told of by postern %s, and stays as it is", async (name) => {
    const dataDir = join(temporaryFolder(), "none");
    const declared = commands.find((command) => command.name === name)?.options ?? {};
    const given = options.filter(
      (word, index) =>
        word.slice(2) in declared ||
        (!word.startsWith("--") && (options[index - 1] ?? "").slice(2) in declared),
    );
    const call = [...name.split(" "), ...(needed[name] ?? []), ...given];
    const { code, stdout, stderr } = await cliOn(dataDir)(call, { input: "a good password" });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain(`There is no database in ${dataDir}`);
    expect(isOneLine(stderr)).toBe(true);
    expect(existsSync(dataDir)).toBe(false);
  });

  test("is named by --data-dir before POSTERN_DATA_DIR", async () => {
    const [named, other] = [temporaryFolder(), temporaryFolder()];
    const call = ["account", "create", "--alias", "a", "--company", "A", "--data-dir", named];
    expect((await cliOn(other)(call)).code).toBe(0);
    expect((await cliOn(named)(["account", "list", "--json"])).records()).toHaveLength(1);
    expect((await cliOn(other)(["account", "list"])).code).toBe(1);
  });

  test("with a wrong setting is refused in the setting's own words", async () => {
    const settings = { POSTERN_PASSWORD_MIN_LENGTH: "3" };
    const { code, stderr } = await cliOn(temporaryFolder())(["account", "list"], { settings });
    expect(code).toBe(1);
    expect(stderr).toContain("POSTERN_PASSWORD_MIN_LENGTH");
  });
});
