import { Value } from "typebox/value";
import { OperatorError } from "../lib/errors.ts";
import { Fault, unlike } from "./fault.ts";
import { type SettingName, type Settings, settingNames, settings, settingsSchema } from "./settings.ts";
import type { SettingsFile } from "./settings-file.ts";
import { type ConfigSources, type Given, givenInFile, givenOutside, labelOf, textOf } from "./sources.ts";

/** The settings' values, which of them were given, and what messages call each. */
export type ReadSettings = {
  values: Settings;
  given: ReadonlyMap<SettingName, Given>;
  label(name: SettingName): string;
};

/** Reads every setting and judges them by the one schema. Throws OperatorError with a line for each fault. */
export function readSettings(sources: ConfigSources, file: SettingsFile): ReadSettings {
  const given = new Map<SettingName, Given>();
  const read: Record<string, unknown> = {};
  const faults = new Map<SettingName, string>();
  const label = (name: SettingName) => labelOf(name, given.get(name)?.from, file.path);
  for (const name of settingNames) {
    const found = givenOutside(name, sources) ?? givenInFile(name, file);
    if (found === undefined) continue;
    given.set(name, found);
    try {
      read[name] = settings[name].notes.read(textOf(found));
    } catch (error) {
      faults.set(name, faultLine(name, label(name), error));
    }
  }
  const values = Value.Default(settingsSchema, read);
  if (Value.Check(settingsSchema, values) && faults.size === 0) return { values, given, label };
  for (const { instancePath } of Value.Errors(settingsSchema, values)) {
    const name = settingNames.find((name) => name === instancePath.split("/")[1]);
    const found = name && given.get(name);
    if (!found) throw new TypeError(`the default at ${instancePath} is not valid`);
    faults.set(name, faultLine(name, label(name), unlike(settings[name].notes.wanted, textOf(found))));
  }
  throw new OperatorError(settingNames.flatMap((name) => faults.get(name) ?? []).join("\n"));
}

/** `POSTERN_X (--x) must be …; for example …`. An error that is no Fault is thrown on. */
export function faultLine(name: SettingName, label: string, error: unknown): string {
  if (!(error instanceof Fault)) throw error;
  return `${label} ${error.message}; for example ${settings[name].notes.example}`;
}
