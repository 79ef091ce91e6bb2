import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { OperatorError } from "../lib/errors.ts";

/** A commented file with every setting has about 4 KiB. */
const mostBytes = 64 * 1_024;

/** The top-level keys of postern.toml with their values, and the file's path. */
export type SettingsFile = { path: string; entries: [key: string, value: unknown][] };

/**
 * Reads postern.toml in the data folder; without one there are no entries. Throws OperatorError naming the file and
 * its fault.
 */
export function readSettingsFile(dataDir: string): SettingsFile {
  const path = join(dataDir, "postern.toml");
  const text = readText(path);
  if (text === undefined) return { path, entries: [] };
  const entries = parse(path, text);
  if (entries.some(([key]) => key === "data_dir"))
    throw new OperatorError(
      `${path}: data_dir cannot be set in the data folder itself; use POSTERN_DATA_DIR or --data-dir, for example /var/lib/postern`,
    );
  return { path, entries };
}

function parse(path: string, text: string): SettingsFile["entries"] {
  try {
    return Object.entries(Bun.TOML.parse(text));
  } catch (error) {
    const fault = messageOf(error)
      .replace(/^TOML Parse error: /, "")
      .replace(/\s+/g, " ");
    throw new OperatorError(`${path}, line ${faultyLine(text)}: ${fault}`);
  }
}

function readText(path: string): string | undefined {
  try {
    if (statSync(path).size > mostBytes) throw new RangeError(`larger than ${mostBytes / 1_024} KiB`);
    return new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw new OperatorError(`${path} cannot be read: ${messageOf(error)}`);
  }
}

/**
 * Bun's parser does not say where: it is the first line from which on every beginning of the file is faulty. (A text
 * over several lines makes the beginnings that end in it faulty, but not later ones.) Counted from 1.
 */
function faultyLine(text: string): number {
  const lines = text.split("\n");
  let faulty = lines.length;
  while (faulty > 1 && !parses(lines.slice(0, faulty - 1).join("\n"))) faulty -= 1;
  return faulty;
}

function parses(text: string): boolean {
  try {
    Bun.TOML.parse(text);
    return true;
  } catch {
    return false;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
