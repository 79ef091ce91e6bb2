import { expect, test } from "bun:test";
import { commands } from "../../src/cli/commands.ts";
import { importKinds, schemas } from "../../src/features/import/model.ts";

const page = await Bun.file(new URL("../../docs/commands.md", import.meta.url)).text();

test("docs/commands.md tells of every command", () => {
  const missing = commands.filter(({ name }) => !page.includes(`\`postern ${name}`));
  expect(missing.map(({ name }) => name)).toEqual([]);
});

test.each(importKinds)("docs/commands.md tells of every field of an imported %s, and of no other", (kind) => {
  const row = page.split("\n").find((line) => line.startsWith(`| \`${kind}\` |`)) ?? "";
  const [, , needs = "", may = ""] = row.split("|");
  const named = (cell: string) =>
    [...cell.replace(/\([^)]*\)/g, "").matchAll(/`(\w+)`/g)].map(([, field]) => field ?? "").sort();
  const { properties, required = [] } = schemas[kind];
  const needed: string[] = required.filter((field) => field !== "kind");
  expect(named(needs)).toEqual(needed.toSorted());
  const optional = Object.keys(properties).filter((field) => field !== "kind" && !needed.includes(field));
  expect(named(may)).toEqual(optional.sort());
});
