// Everything that must hold of a change, without root, a terminal or a network beyond the npm registry. Each step counts as
// one item and each test as one; the last line says `N passed, N failed`. What needs minutes or other programs is in
// test/slow, for `bun run check:slow`.
import { endWithLauncher } from "./support/launcher.ts";
import { finish, type Item, step } from "./support/report.ts";
import { bun, tool } from "./support/run.ts";
import { runTests, testFiles } from "./support/tests.ts";

endWithLauncher();

const items: Item[] = [];

async function take(name: string, command: string[]): Promise<boolean> {
  const item = await step(name, command);
  items.push(item);
  return item.passed;
}

if (!(await take("dependencies as locked", [bun, "install", "--frozen-lockfile"]))) finish(items);
await take("format and lint", tool("biome", "ci", `--colors=${process.stdout.isTTY ? "force" : "off"}`));
await take("types", tool("tsc", "--noEmit"));
await take("schema and migrations agree", [bun, "scripts/migrations-gate.ts"]);
// The tests try the binary too; what an earlier build left would say nothing about this source.
if (!(await take("build", [bun, "scripts/build.ts"]))) finish(items);

console.log("\n# tests");
const files = testFiles("test", { without: "test/slow" });
items.push(...(await runTests(files, { report: "dist/junit.xml", timeoutMs: 30_000, limitMs: 1_200_000 })));
finish(items);
