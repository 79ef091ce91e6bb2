import { beforeAll, describe, expect, test } from "bun:test";
import { cliOn, isOneLine } from "../support/cli.ts";
import { temporaryFolder } from "../support/postern.ts";

const dataDir = temporaryFolder();
const cli = cliOn(dataDir);

beforeAll(async () => {
  await cli(["account", "create", "--alias", "acme", "--company", "Acme Ltd"]);
});

const create = (...more: string[]) => [
  ...["webhook", "create", "--account", "acme", "--name", "crm"],
  ...["--url", "https://example.com/hook", "--event", "account.logged-in", ...more],
];
/** The call with one of its values replaced. */
const withValue = (option: string, value: string) => {
  const call = create();
  return call.with(call.indexOf(option) + 1, value);
};

describe("postern webhook create", () => {
  test("answers with the record and, this once, the token that was generated", async () => {
    const { code, record } = await cli(create("--json"));
    expect(code).toBe(0);
    const webhook = record();
    expect(webhook).toMatchObject({
      name: "crm",
      url: "https://example.com/hook",
      active: true,
      events: ["account.logged-in"],
      signatureFormat: "cryptlex",
      health: "healthy",
      healthReason: "",
      suspendedAt: null,
    });
    expect(String(webhook["token"])).toMatch(/^[\w-]{43}$/);
    const { stdout, records } = await cli(["webhook", "list", "--account", "acme", "--json"]);
    const { token, ...listed } = webhook;
    expect(records()).toContainEqual(listed);
    expect(stdout).not.toContain(String(token));
    expect((await cli(["webhook", "list", "--account", "acme"])).stdout).not.toContain(String(token));
    expect((await Bun.file(`${dataDir}/postern.db`).text()).includes(String(token))).toBe(false);
  });

  test("makes a token of Standard Webhooks for the format standard", async () => {
    const { record } = await cli(create("--signature-format", "standard", "--json"));
    const token = String(record()["token"]);
    expect(token).toMatch(/^whsec_/);
    expect(Buffer.from(token.slice("whsec_".length), "base64")).toHaveLength(32);
  });

  const key = (bytes: number) => `whsec_${Buffer.alloc(bytes, 7).toString("base64")}`;
  const tokens: [string, string, string, number][] = [
    ["cryptlex", "one character", "x", 0],
    ["cryptlex", "256 characters", "x".repeat(256), 0],
    ["cryptlex", "257 characters", "x".repeat(257), 1],
    ["cryptlex", "nothing", "", 1],
    ["standard", "24 bytes", key(24), 0],
    ["standard", "64 bytes", key(64), 0],
    ["standard", "23 bytes", key(23), 1],
    ["standard", "65 bytes", key(65), 1],
    ["standard", "no prefix", Buffer.alloc(32).toString("base64"), 1],
    ["standard", "broken base64", "whsec_AAAA*AAA", 1],
  ];
  test.each(tokens)("takes a token of its own for %s: %s", async (format, _what, token, expected) => {
    const call = create("--signature-format", format, "--token-stdin", "--json");
    const { code, stdout, stderr, record } = await cli(call, { input: `${token}\n` });
    expect(code).toBe(expected);
    if (expected === 0) expect(record()).toMatchObject({ token });
    else
      expect({ stdout, line: isOneLine(stderr), leaks: token.length > 5 && stderr.includes(token) }).toEqual({
        stdout: "",
        line: true,
        leaks: false,
      });
  });

  test("names the event that is meant by one that does not exist", async () => {
    const { code, stderr } = await cli(withValue("--event", "account.loggedin"));
    expect(code).toBe(1);
    expect(stderr).toContain("did you mean account.logged-in?");
  });

  const urls: [string, RegExp][] = [
    ["http://example.com/hook", /Use https/],
    ["https://127.0.0.1/hook", /POSTERN_WEBHOOK_ALLOW_NETWORKS=127\.0\.0\.1\/32/],
    ["https://[::1]/hook", /POSTERN_WEBHOOK_ALLOW_NETWORKS=::1\/128/],
    ["https://localhost/hook", /POSTERN_WEBHOOK_ALLOW_NETWORKS/],
    ["https://10.1.2.3/hook", /POSTERN_WEBHOOK_ALLOW_NETWORKS/],
    ["https://169.254.169.254/latest", /metadata/],
    ["https://user:pass@example.com/hook", /user or password/],
    ["ftp://example.com/hook", /https/],
    ["example.com/hook", /not a URL/],
    [`https://example.com/${"x".repeat(2_048)}`, /2048 characters/],
  ];
  test.each(urls)("refuses %s and says what would do", async (url, told) => {
    const { code, stdout, stderr } = await cli(withValue("--url", url));
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(told);
    expect(stderr).not.toContain("user:pass");
  });

  test("takes an address of a network that the setting names", async () => {
    const settings = { POSTERN_WEBHOOK_ALLOW_NETWORKS: "127.0.0.0/8" };
    expect((await cli(withValue("--url", "http://127.0.0.1:9/hook"), { settings })).code).toBe(0);
  });

  test.each([
    ["a name of 256 characters", "n".repeat(256), 0],
    ["a name of 257 characters", "n".repeat(257), 1],
    ["an empty name", "", 1],
  ])("holds the bounds of %s", async (_case, name, expected) => {
    expect((await cli(withValue("--name", name))).code).toBe(expected);
  });

  test("refuses an unknown signature format", async () => {
    const { code, stderr } = await cli(create("--signature-format", "github"));
    expect(code).toBe(1);
    expect(stderr).toContain("cryptlex or standard");
  });
});
