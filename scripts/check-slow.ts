// The tests in test/slow: faults, load and other languages. They take minutes, and fetch what they need from the registries
// of Debian and Python (see support/ensure.ts). The last line says `N passed, N failed`, as that of `check` does.
import { endWithLauncher } from "./support/launcher.ts";
import { finish, step } from "./support/report.ts";
import { bun } from "./support/run.ts";
import { runTests, testFiles } from "./support/tests.ts";

endWithLauncher();

const items = [await step("dependencies as locked", [bun, "install", "--frozen-lockfile"])];
if (items.every(({ passed }) => passed)) items.push(await step("build", [bun, "scripts/build.ts"]));
if (!items.every(({ passed }) => passed)) finish(items);

console.log("\n# slow tests");
items.push(
  ...(await runTests(testFiles("test/slow"), {
    report: "dist/junit-slow.xml",
    timeoutMs: 300_000,
    limitMs: 3_600_000,
  })),
);
finish(items);
