import { describe, expect, test } from "bun:test";
import { readConfig, settingFlags } from "../../src/config/config.ts";
import { parsePasswordHash } from "../../src/lib/password-hash.ts";
import { type Given, onlyRefusalOf, readGiven } from "../support/read-config.ts";
import { settingCases } from "../support/setting-cases.ts";

/** The three ways to give one setting. */
function ways(suffix: string, text: string): Record<string, Given> {
  const key = suffix.toLowerCase();
  return {
    flag: { flags: { [key.replaceAll("_", "-")]: text } },
    variable: { environment: { [`POSTERN_${suffix}`]: text } },
    file: { file: `${key} = ${JSON.stringify(text)}\n` },
  };
}

const short = (text: string) => (text.length > 40 ? `${text.slice(0, 40)}…` : text);

test("there is a case for every setting", () => {
  const suffixes = settingFlags().map(({ variable }) => variable.replace("POSTERN_", ""));
  expect(["DATA_DIR", ...Object.keys(settingCases)]).toEqual(suffixes);
});

for (const [suffix, { value, fallback, good, bad, with: beside = {} }] of Object.entries(settingCases)) {
  describe(`POSTERN_${suffix}`, () => {
    const given = (way: Given) => ({ ...way, environment: { ...beside, ...way.environment } });

    test("has its default when unset or empty", () => {
      const alone = suffix.startsWith("TLS_") ? {} : beside;
      expect(value(readGiven({ environment: alone }).config)).toEqual(fallback);
      for (const way of Object.values(ways(suffix, "")))
        expect(value(readGiven({ ...way, environment: { ...alone, ...way.environment } }).config)).toEqual(
          fallback,
        );
    });

    for (const [text, expected] of Object.entries(good))
      test(`takes ${JSON.stringify(short(text))} from its flag, its variable and its line`, () => {
        for (const way of Object.values(ways(suffix, text)))
          expect(value(readGiven(given(way)).config)).toEqual(expected);
      });

    for (const text of bad)
      test(`refuses ${JSON.stringify(short(text))} in one line with its name and an example`, () => {
        for (const [source, way] of Object.entries(ways(suffix, text))) {
          const line = onlyRefusalOf(given(way));
          expect(line).toStartWith(`POSTERN_${suffix} `);
          expect(line).toMatch(/; for example [^ ]+$/);
          if (source === "flag") expect(line).toContain(`(--${suffix.toLowerCase().replaceAll("_", "-")}) `);
          if (source === "file")
            expect(line).toMatch(new RegExp(`\\(${suffix.toLowerCase()} in /.+/postern\\.toml\\) `));
        }
      });
  });
}

test("a server can verify the costliest hash that its settings let it make, and none beyond", () => {
  const hash = (memory: number, passes: number) =>
    `$argon2id$v=19$m=${memory},t=${passes},p=1$${"a".repeat(43)}$${"a".repeat(43)}`;
  expect(parsePasswordHash(hash(262_144, 10))).toBeDefined();
  expect(parsePasswordHash(hash(262_145, 10))).toBeUndefined();
  expect(parsePasswordHash(hash(262_144, 11))).toBeUndefined();
});

test("a machine with more cores than 64 hashes 64 passwords at a time", () => {
  const sources = { flags: { "data-dir": "/nonexistent" }, environment: {} };
  expect(readConfig({ ...sources, defaultConcurrency: 96 }).config.hash.concurrency).toBe(64);
});
