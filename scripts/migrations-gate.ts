// Fails when drizzle-kit would write a migration that is not in drizzle/: the schema was changed without
// `bun run migrations`. Works on a copy, and leaves the tree as it is.
import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { join, relative } from "node:path";
import config from "../drizzle.config.ts";
import { capture, projectFolder, tool } from "./support/run.ts";

const committed = join(projectFolder, config.out ?? "drizzle");
await mkdir(join(projectFolder, "dist"), { recursive: true });
const copy = await mkdtemp(join(projectFolder, "dist/.migrations-"));
await cp(committed, copy, { recursive: true });

const { code, output } = await capture(
  tool(
    "drizzle-kit",
    "generate",
    `--dialect=${config.dialect}`,
    `--schema=${config.schema}`,
    `--out=${relative(projectFolder, copy)}`,
  ),
);
const differing = await differences(committed, copy);
await rm(copy, { recursive: true });

// The sentence is asked for because drizzle-kit exits with 0 also when it gives up: on a rename it cannot tell from a removal
// and an addition, it wants a terminal to ask, and without one it writes nothing.
if (code === 0 && differing.length === 0 && output.includes("No schema changes")) {
  console.log("drizzle/ holds every change of the schema.");
} else {
  console.log(output.trim());
  for (const file of differing) console.log(`drizzle-kit would write drizzle/${file}`);
  console.log(
    "The schema and drizzle/ differ: run `bun run migrations` in a terminal and commit what it writes.",
  );
  process.exit(1);
}

/** The files, by path within the folders, that are in one only or differ. */
async function differences(before: string, after: string): Promise<string[]> {
  const files = new Set([before, after].flatMap((cwd) => [...new Bun.Glob("**/*").scanSync({ cwd })]));
  const differs = async (file: string) => (await text(before, file)) !== (await text(after, file));
  const answers = await Promise.all([...files].map(async (file) => ((await differs(file)) ? [file] : [])));
  return answers.flat().sort();
}

async function text(folder: string, file: string): Promise<string | undefined> {
  const handle = Bun.file(join(folder, file));
  return (await handle.exists()) ? handle.text() : undefined;
}
