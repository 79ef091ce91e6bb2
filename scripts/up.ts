// Installs, builds and serves, with the arguments of `postern serve`: what someone who has only Node.js and git runs first.
// Only the server writes to standard output.
import { join } from "node:path";
import { endWithLauncher } from "./support/launcher.ts";
import { bun, ended, must, projectFolder } from "./support/run.ts";

endWithLauncher();

process.stderr.write("Installing what the build needs …\n");
// Without the development tools: a third of the bytes. What is there already stays.
await must([bun, "install", "--frozen-lockfile", "--production"]);

process.stderr.write("Building dist/postern …\n");
await must([bun, "scripts/build.ts"]);

// These two would make the binary behave as the plain bun command.
const { BUN_OPTIONS: _options, BUN_BE_BUN: _beBun, ...env } = process.env;
const server = Bun.spawn([join(projectFolder, "dist/postern"), "serve", ...process.argv.slice(2)], {
  cwd: projectFolder,
  env,
  stdio: ["inherit", "inherit", "inherit"],
});
process.exit((await ended(server)).code);
