import { beforeAll, describe, expect, test } from "bun:test";
import { scopes } from "../../src/features/access-tokens/model.ts";
import { cliOn, isOneLine } from "../support/cli.ts";
import { temporaryFolder } from "../support/postern.ts";

const dataDir = temporaryFolder();
const cli = cliOn(dataDir);
const day = 24 * 60 * 60_000;

beforeAll(async () => {
  await cli(["account", "create", "--alias", "acme", "--company", "Acme Ltd"]);
  await cli(
    [
      ...["user", "create", "--account", "acme", "--email", "ada@example.com"],
      ...["--first-name", "Ada", "--last-name", "Lovelace", "--password-stdin"],
    ],
    { input: "correct horse battery staple" },
  );
});

const create = (...more: string[]) => [
  ...["token", "create", "--account", "acme", "--user", "ada@example.com", "--name", "ci", ...more],
];

describe("postern token create", () => {
  test("answers with the record and, this once, the token; only its hash is kept", async () => {
    const { code, record } = await cli(create("--scope", "users:write", "--scope", "users:read", "--json"));
    expect(code).toBe(0);
    const { token, ...shown } = record();
    expect(String(token)).toMatch(/^ptp_[\w-]{43}$/);
    expect(shown).toMatchObject({
      name: "ci",
      scopes: ["users:read", "users:write"],
      userId: expect.any(String),
      lastUsedAt: null,
    });
    const { stdout, records } = await cli(["token", "list", "--account", "acme", "--json"]);
    expect(records()).toContainEqual(shown);
    expect(stdout).not.toContain("ptp_");
    expect((await Bun.file(`${dataDir}/postern.db`).text()).includes(String(token))).toBe(false);
  });

  test("permits reading everything, changing nothing, and lasts for 90 days unless it is told otherwise", async () => {
    const token = (await cli(create("--json"))).record();
    expect(token["scopes"]).toEqual(scopes.filter((scope) => scope.endsWith(":read")));
    const lasts = Date.parse(String(token["expiresAt"])) - Date.parse(String(token["createdAt"]));
    expect(lasts).toBe(90 * day);
  });

  const lifetimes: [string, number | null | "refused" | "usage"][] = [
    ["1m", 60_000],
    ["59s", "refused"],
    ["3650d", 3_650 * day],
    ["3651d", "refused"],
    ["never", null],
    ["soon", "usage"],
    ["", "usage"],
  ];
  test.each(lifetimes)("takes --expires %s: %p", async (expires, expected) => {
    const { code, stdout, stderr, record } = await cli(create("--expires", expires, "--json"));
    if (expected === "refused" || expected === "usage") {
      expect({ code, stdout }).toEqual({ code: expected === "usage" ? 2 : 1, stdout: "" });
      expect(isOneLine(stderr)).toBe(true);
      return;
    }
    const { createdAt, expiresAt } = record();
    const lasts = expiresAt === null ? null : Date.parse(String(expiresAt)) - Date.parse(String(createdAt));
    expect(lasts).toBe(expected);
  });

  test("names the scope that is meant by one that does not exist", async () => {
    const { code, stderr } = await cli(create("--scope", "user:read"));
    expect(code).toBe(1);
    expect(stderr).toContain("did you mean users:read?");
  });

  test("refuses a user who does not exist, and a name that is none", async () => {
    const unknown = create().with(create().indexOf("ada@example.com"), "bob@example.com");
    expect(await cli(unknown)).toMatchObject({ code: 1, stdout: "" });
    const named = (name: string) => create().with(-1, name);
    expect((await cli(named(""))).code).toBe(1);
    expect((await cli(named("n".repeat(256)))).code).toBe(0);
    expect((await cli(named("n".repeat(257)))).code).toBe(1);
  });
});

describe("postern token revoke", () => {
  test("forgets a token once", async () => {
    const { id } = (await cli(create("--json"))).record();
    expect((await cli(["token", "revoke", String(id)])).code).toBe(0);
    const again = await cli(["token", "revoke", String(id)]);
    expect(again).toMatchObject({ code: 1, stdout: "" });
    expect(isOneLine(again.stderr)).toBe(true);
    const left = (await cli(["token", "list", "--account", "acme", "--json"])).records();
    expect(left.filter((token) => token["id"] === id)).toEqual([]);
  });
});
