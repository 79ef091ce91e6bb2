import { Fault, shown } from "./fault.ts";
import { fileKeyOf, flagOf, nearest, variableOf } from "./names.ts";
import { type SettingName, settingNames } from "./settings.ts";
import type { SettingsFile } from "./settings-file.ts";

export type ConfigSources = {
  /** By the flag's name without dashes in front, as node:util's parseArgs has them: `access-token-ttl`. */
  flags: Record<string, string | undefined>;
  environment: Record<string, string | undefined>;
  /** The number of cores. */
  defaultConcurrency: number;
};

/** What one setting was given, and where. */
export type Given = { written: unknown; from: "flag" | "variable" | "file" };

/**
 * What a setting was given by its flag or, without one, its variable. White space around it is dropped, and an empty
 * value is no value.
 */
export function givenOutside(name: SettingName, { flags, environment }: ConfigSources): Given | undefined {
  return present(flags[flagOf(name)], "flag") ?? present(environment[variableOf(name)], "variable");
}

/** What a setting was given by its line in postern.toml. */
export function givenInFile(name: SettingName, { entries }: SettingsFile): Given | undefined {
  const [, written] = entries.find(([key]) => key === fileKeyOf(name)) ?? [];
  return present(written, "file");
}

function present(value: unknown, from: Given["from"]): Given | undefined {
  const written = typeof value === "string" ? value.trim() : value;
  return written === undefined || written === "" ? undefined : { written, from };
}

/** The text of what was written. Throws Fault for what has none, such as a table of TOML. */
export function textOf({ written }: Given): string {
  if (typeof written === "boolean") return written ? "on" : "off";
  if (typeof written === "string" || typeof written === "number") return String(written);
  throw new Fault("must be a text in quotes, a whole number, true or false: lists are one text with commas");
}

/** What messages call a setting: its variable, always, and the flag or line that it came from. */
export function labelOf(name: SettingName, from?: Given["from"], path = ""): string {
  if (from === "flag") return `${variableOf(name)} (--${flagOf(name)})`;
  if (from === "file") return `${variableOf(name)} (${fileKeyOf(name)} in ${path})`;
  return variableOf(name);
}

/** One warning for each name that looks like a setting and is none. */
export function unknownNames({ environment }: ConfigSources, file: SettingsFile): string[] {
  const variables = settingNames.map(variableOf);
  const keys = settingNames.map(fileKeyOf);
  const unknownVariables = Object.keys(environment).filter(
    (name) =>
      name.startsWith("POSTERN_") && !variables.includes(name) && present(environment[name], "variable"),
  );
  const unknownKeys = file.entries.map(([key]) => key).filter((key) => !keys.includes(key));
  return [
    ...unknownVariables.map(
      (name) => `${plain(name)} is no setting: did you mean ${nearest(name, variables)}?`,
    ),
    ...unknownKeys.map(
      (key) => `${plain(key)} in ${file.path} is no setting: did you mean ${nearest(key, keys)}?`,
    ),
  ];
}

function plain(name: string): string {
  return /^[\w-]{1,60}$/.test(name) ? name : shown(name);
}
