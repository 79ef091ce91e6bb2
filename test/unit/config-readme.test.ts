import { describe, expect, test } from "bun:test";
import { parseArgs } from "node:util";
import { settingFlags, settingsTable } from "../../src/config/config.ts";
import { withSettingsTable } from "../../src/config/settings-table.ts";

describe("README.md", () => {
  test("has the settings as they are (if not: bun scripts/settings-table.ts)", async () => {
    const readme = await Bun.file(new URL("../../README.md", import.meta.url)).text();
    expect(withSettingsTable(readme)).toBe(readme);
  });
});

describe("the table of settings", () => {
  test("has a row for each, three cells wide, with one sentence", () => {
    const [head, rule, ...rows] = settingsTable().split("\n");
    expect(head).toBe("| setting | default | meaning |");
    expect(rule).toBe("|---|---|---|");
    expect(rows).toHaveLength(settingFlags().length);
    for (const row of rows) expect(row).toMatch(/^\| `POSTERN_[A-Z_]+` \| [^|]+ \| [A-Z][^|]+\. \|$/);
    expect(rows).toContain(
      "| `POSTERN_ACCESS_TOKEN_TTL` | `15m` | How long an access token is valid; 1m to 1h. |",
    );
  });

  test("replaces what stands between its markers, and nothing else", () => {
    const renewed = withSettingsTable("before\n<!-- settings -->\nold\n<!-- /settings -->\nafter\n");
    expect(renewed).toBe(`before\n<!-- settings -->\n${settingsTable()}\n<!-- /settings -->\nafter\n`);
  });

  test.each([
    "",
    "<!-- settings -->",
    "<!-- /settings --><!-- settings -->",
    "<!-- settings -->1<!-- settings -->2<!-- /settings -->",
  ])("has no place in %j", (document) => {
    expect(withSettingsTable(document)).toBeUndefined();
  });
});

describe("serve's flags", () => {
  test("are one for each setting, in plain words", () => {
    const flags = settingFlags();
    expect(new Set(flags.map(({ flag }) => flag)).size).toBe(flags.length);
    expect(flags).toContainEqual({
      flag: "log-format",
      variable: "POSTERN_LOG_FORMAT",
      default: "text on a terminal, else json",
      sentence: "How entries are logged: text for people, json for machines.",
    });
    for (const { default: fallback, sentence } of flags) expect(`${fallback}${sentence}`).not.toContain("`");
  });

  test("can be declared to node:util's parseArgs", () => {
    const options = Object.fromEntries(settingFlags().map(({ flag }) => [flag, { type: "string" } as const]));
    const { values } = parseArgs({ args: ["--tls-cert", "c.pem", "--listen=[::1]:80"], options });
    expect({ ...values }).toEqual({ "tls-cert": "c.pem", listen: "[::1]:80" });
  });
});
