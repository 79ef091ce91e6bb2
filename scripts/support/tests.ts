import { mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Item } from "./report.ts";
import { bun, projectFolder, show } from "./run.ts";

/** The test files under `folder`, sorted, with `./` before each: so `bun test` takes them as files, not as name filters. */
export function testFiles(folder: string, options: { without?: string } = {}): string[] {
  const files = [...new Bun.Glob("**/*.test.ts").scanSync({ cwd: join(projectFolder, folder) })].sort();
  return files.map((file) => `./${folder}/${file}`).filter((file) => !startsWith(file, options.without));
}

function startsWith(file: string, folder: string | undefined): boolean {
  return folder !== undefined && file.startsWith(`./${folder}/`);
}

export type TestRun = {
  /** Where in the project's folder the JUnit report goes. */
  report: string;
  /** After how many ms a test or hook that sets no limit of its own is given up. */
  timeoutMs: number;
  /** After how many ms all is given up: a test that never lets go of its thread outlives its own limit. */
  limitMs: number;
};

/**
 * Runs test files, their output shown as it comes, and answers one item a test, read from the JUnit report. What a report
 * says nothing of is a failure as well: a file none of whose tests are in it (it does not load, it holds none, or a test
 * ended the process, upon which there is no report and the exit code is 0), and an exit code that no failed test explains.
 * A skipped test is a failure: it shows nothing.
 */
export async function runTests(files: string[], { report, timeoutMs, limitMs }: TestRun): Promise<Item[]> {
  if (files.length === 0) return [{ name: "there is no test to run", passed: false }];
  const xml = join(projectFolder, report);
  await mkdir(dirname(xml), { recursive: true });
  await rm(xml, { force: true });
  // Each file with modules of its own, so that what a shared module does after all tests is done after each file's; and what a
  // test started and left is ended with the tests.
  const options = [
    "--isolate",
    "--no-orphans",
    `--timeout=${timeoutMs}`,
    "--reporter=junit",
    `--reporter-outfile=${xml}`,
  ];
  const code = await show([bun, "test", ...options, ...files], limitMs);

  const cases = (await Bun.file(xml).exists()) ? readReport(await Bun.file(xml).text()) : [];
  const ran = new Set(cases.map(({ file }) => `./${file}`));
  const items: Item[] = [
    ...cases.map(({ file, title, outcome }) => ({
      name: `${file}: ${title}${outcome === "skipped" ? " (skipped)" : ""}`,
      passed: outcome === "passed",
    })),
    ...files
      .filter((file) => !ran.has(file))
      .map((file) => ({ name: `${file}: no test in it ran`, passed: false })),
  ];
  if (code !== 0 && items.every(({ passed }) => passed)) {
    items.push({ name: `bun test ended with exit code ${code}`, passed: false });
  }
  return items;
}

type Case = { file: string; title: string; outcome: "passed" | "failed" | "skipped" };

/** Reads the report that `bun test` writes: one `<testcase …/>` a test, with a child element where it did not pass. */
function readReport(xml: string): Case[] {
  const cases = xml.matchAll(/<testcase ([^>]*?)(?:\/>|>(.*?)<\/testcase>)/gs);
  return [...cases].map(([, attributes = "", inside = ""]) => ({
    file: attribute(attributes, "file"),
    title: [attribute(attributes, "classname"), attribute(attributes, "name")].filter(Boolean).join(" > "),
    outcome: inside.includes("<skipped") ? "skipped" : inside.trim() === "" ? "passed" : "failed",
  }));
}

const characterOfEntity: Record<string, string> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };

function attribute(attributes: string, name: string): string {
  const escaped = new RegExp(`(?:^| )${name}="([^"]*)"`).exec(attributes)?.[1] ?? "";
  return escaped.replace(/&(\w+);/g, (entity, word: string) => characterOfEntity[word] ?? entity);
}
