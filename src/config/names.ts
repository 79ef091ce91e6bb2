import { closest } from "fastest-levenshtein";
import type { SettingName } from "./settings.ts";

/** `accessTokenTtl` as it is called in postern.toml: `access_token_ttl`. */
export function fileKeyOf(name: SettingName): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** `accessTokenTtl` as a flag without its dashes: `access-token-ttl`. */
export function flagOf(name: SettingName): string {
  return fileKeyOf(name).replaceAll("_", "-");
}

/** `accessTokenTtl` as a variable: `POSTERN_ACCESS_TOKEN_TTL`. */
export function variableOf(name: SettingName): string {
  return `POSTERN_${fileKeyOf(name).toUpperCase()}`;
}

/** The known name that looks most like the written one, without regard to case, dashes and the variables' prefix. */
export function nearest(written: string, known: readonly string[]): string {
  const keys = new Map(known.map((name) => [comparable(name), name]));
  const key = closest(comparable(written), [...keys.keys()]);
  return keys.get(key) ?? key;
}

/** Cut, since the work grows with the product of the lengths and a name in a file may be of any length. */
function comparable(name: string): string {
  return name
    .slice(0, 100)
    .toLowerCase()
    .replaceAll("-", "_")
    .replace(/^postern_/, "");
}
