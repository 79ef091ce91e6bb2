import { show } from "./run.ts";

/** Something that was checked: a test, or a step such as the linter as a whole. */
export type Item = { name: string; passed: boolean };

/** Runs one command as a step of a check, its output shown under the step's name. */
export async function step(name: string, command: string[]): Promise<Item> {
  console.log(`\n# ${name}`);
  return { name, passed: (await show(command)) === 0 };
}

/** Names what failed, prints the closing line `N passed, N failed`, and ends the script: with 0 only when all passed. */
export function finish(items: Item[]): never {
  const failed = items.filter(({ passed }) => !passed);
  if (failed.length > 0) console.log(`\nFailed:\n${failed.map(({ name }) => `  ${name}`).join("\n")}`);
  console.log(`\n${items.length - failed.length} passed, ${failed.length} failed`);
  process.exit(failed.length === 0 ? 0 : 1);
}
