import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import packageJson from "../../package.json";
import { commands } from "../../src/cli/commands.ts";
import { statusOfCode } from "../../src/lib/errors.ts";
import { codeBlocks, headingAnchors, projectFolder, readDocument, section } from "../support/documents.ts";

const paths = [
  ...["README.md", "CHANGELOG.md", "CONTRIBUTING.md"],
  ...[...new Bun.Glob("docs/*.md").scanSync({ cwd: projectFolder })].sort(),
];
const documents = await Promise.all(paths.map(async (path) => ({ path, text: await readDocument(path) })));

test("docs/api.md lists every error code with its status, and no other", async () => {
  const errors = section(await readDocument("docs/api.md"), "## Errors");
  const rows = [...errors.matchAll(/^\| `([A-Z_]+)` \| (\d+) \|/gm)];
  expect(rows.map(([, code, status]) => [code, Number(status)])).toEqual(Object.entries(statusOfCode));
});

describe("docs/dependencies.md", () => {
  const parts: [heading: string, versions: Record<string, string>][] = [
    ["## In the executable", packageJson.dependencies],
    ["## To build and test", packageJson.devDependencies],
  ];
  test.each(parts)(
    "%s has a reason for each package of package.json, in its exact version",
    async (heading, versions) => {
      const part = section(await readDocument("docs/dependencies.md"), heading);
      const described = [...part.matchAll(/^### (.+)\n\n\S/gm)].map((match) => match[1] ?? "");
      expect(described.toSorted()).toEqual(
        Object.entries(versions)
          .map(([name, version]) => `${name} ${version}`)
          .toSorted(),
      );
    },
  );
});

test("docs/security.md names tests that are there, by their files and titles", async () => {
  const named = [
    ...(await readDocument("docs/security.md")).matchAll(
      /^ {2}- \[`(test\/[^`]+)`\]\(\.\.\/\1\): (.+(?:\n {4}.+)*)$/gm,
    ),
  ];
  expect(named.length).toBeGreaterThan(20);
  for (const [, path = "", titles = ""] of named) {
    const quoted = [...titles.replace(/\s+/g, " ").matchAll(/“([^”]+)”/g)].map((match) => match[1] ?? "");
    expect(quoted).not.toBeEmpty();
    const source = await readDocument(path);
    for (const title of quoted)
      expect({ path, title, there: source.includes(title) }).toMatchObject({ there: true });
  }
});

test("docs/operations.md describes every metric", async () => {
  const source = await readDocument("src/ops/metrics.ts");
  const metrics = section(await readDocument("docs/operations.md"), "## Metrics");
  const names = [...source.matchAll(/name: "(postern_\w+)"/g)].map((match) => match[1] ?? "");
  expect(names).not.toBeEmpty();
  expect(names.filter((name) => !new RegExp(`\`${name}[{\`]`).test(metrics))).toEqual([]);
});

describe.each(documents)("$path", ({ path, text }) => {
  test("links to files and headings that are there", async () => {
    const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] ?? "");
    for (const link of links.filter((target) => !/^https?:/.test(target))) {
      const [file = "", anchor] = link.split("#");
      const target = file === "" ? path : normalize(join(dirname(path), file));
      expect({ link, there: existsSync(join(projectFolder, target)) }).toEqual({ link, there: true });
      if (anchor !== undefined) {
        expect({ link, headings: headingAnchors(await readDocument(target)) }).toEqual({
          link,
          headings: expect.arrayContaining([anchor]),
        });
      }
    }
  });

  test("shows commands that are there, with options that they have", () => {
    for (const line of codeBlocks(text, "sh").flatMap(commandLines)) {
      const command = commands.find(({ name }) => `${line} `.startsWith(`${name} `));
      expect({ line, command: command?.name }).toEqual({ line, command: expect.any(String) });
      const options = [...line.matchAll(/ --([a-z0-9-]+)/g)].map((match) => match[1] ?? "");
      const known = ["help", ...Object.keys(command?.options ?? {})];
      expect({ line, unknown: options.filter((option) => !known.includes(option)) }).toEqual({
        line,
        unknown: [],
      });
    }
  });
});

/** What a shell block calls Postern with, a line that a backslash continues being one. */
function commandLines(block: string): string[] {
  const lines = block.replaceAll("\\\n", " ").split("\n");
  return lines.flatMap((line) => /^.*(?<!-[og] )\bpostern ([a-z].*)$/.exec(line)?.slice(1) ?? []);
}
