// Builds the one executable: `bun run build [--target bun-linux-arm64] [--outfile FILE]`. Bun fetches a foreign target from
// the npm registry by itself.
import { mkdir, mkdtemp, rename, rm, stat } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { bun, capture, projectFolder } from "./support/run.ts";

const { values } = parseArgs({ options: { target: { type: "string" }, outfile: { type: "string" } } });

const outfile = resolve(values.outfile ?? join(projectFolder, "dist/postern"));
// Built beside and moved into place, so that a server that runs from the old file is not disturbed.
await mkdir(dirname(outfile), { recursive: true });
const workshop = await mkdtemp(join(dirname(outfile), ".build-"));
const unfinished = join(workshop, "postern");

const { code, output } = await capture([
  bun,
  "build",
  "--compile",
  // NODE_ENV=production and everything minified.
  "--production",
  // Compiled ahead of time: it starts in half the time. With it, `await` at the top level needs the format named.
  "--bytecode",
  "--format=esm",
  // So that a stack trace names the lines of the source.
  "--sourcemap=inline",
  // Without these two, the executable obeys whatever folder it is started in: variables from a `.env`, and code from a
  // `bunfig.toml` preload. Held by test/flows/binary.test.ts.
  "--no-compile-autoload-dotenv",
  "--no-compile-autoload-bunfig",
  ...(values.target === undefined ? [] : [`--target=${values.target}`]),
  "src/main.ts",
  "--outfile",
  unfinished,
]);
if (code === 0) await rename(unfinished, outfile);
await rm(workshop, { recursive: true });
if (code !== 0) {
  process.stderr.write(output);
  process.exit(code);
}

const megabytes = (await stat(outfile)).size / 1_000_000;
console.log(`${relative(process.cwd(), outfile)}: ${megabytes.toFixed(1)} MB`);
