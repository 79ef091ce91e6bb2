import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Config, readConfig } from "../../src/config/config.ts";
import { OperatorError } from "../../src/lib/errors.ts";

export type Given = {
  flags?: Record<string, string>;
  environment?: Record<string, string>;
  /** The content of postern.toml. */
  file?: string | Uint8Array;
};

export type Outcome = { config: Config; warnings: string[]; dataDir: string };

/** Reads the settings as `serve` does on a machine with two cores and a fresh data folder, which is gone afterwards. */
export function readGiven({ flags = {}, environment = {}, file }: Given): Outcome {
  const dataDir = mkdtempSync(join(tmpdir(), "postern-config-"));
  try {
    if (file !== undefined) writeFileSync(join(dataDir, "postern.toml"), file);
    const read = readConfig({
      flags: { "data-dir": dataDir, ...flags },
      environment,
      defaultConcurrency: 2,
    });
    return { ...read, dataDir };
  } finally {
    rmSync(dataDir, { recursive: true });
  }
}

/** The lines of the message with which these settings are refused. */
export function refusalOf(given: Given): string[] {
  try {
    readGiven(given);
  } catch (error) {
    if (error instanceof OperatorError) return error.message.split("\n");
    throw error;
  }
  throw new Error("these settings are accepted");
}

/** The one line with which these settings are refused. */
export function onlyRefusalOf(given: Given): string {
  const [line, ...more] = refusalOf(given);
  if (line === undefined || more.length > 0) throw new Error(`more than one line: ${more.join("\n")}`);
  return line;
}
