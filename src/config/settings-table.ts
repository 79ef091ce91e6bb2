import { flagOf, variableOf } from "./names.ts";
import type { Notes } from "./notes.ts";
import { settingNames, settings } from "./settings.ts";

/** A flag of `serve`, for its declaration and its help. Texts are plain; the flag comes without dashes. */
export type SettingFlag = { flag: string; variable: string; default: string; sentence: string };

/** The flags of `serve`, one a setting, each taking a text. */
export function settingFlags(): SettingFlag[] {
  return settingNames.map((name) => ({
    flag: flagOf(name),
    variable: variableOf(name),
    default: plain(fallbackOf(settings[name].notes)),
    sentence: plain(settings[name].notes.meaning),
  }));
}

/** The README's table of settings, in Markdown, without a line end after it. */
export function settingsTable(): string {
  const rows = settingNames.map((name) => {
    const { notes } = settings[name];
    return `| \`${variableOf(name)}\` | ${fallbackOf(notes)} | ${notes.meaning} |`;
  });
  return ["| setting | default | meaning |", "|---|---|---|", ...rows].join("\n");
}

const opening = "<!-- settings -->";
const closing = "<!-- /settings -->";

/**
 * A document with the table as it is now between `<!-- settings -->` and `<!-- /settings -->`; undefined when it has
 * no such place.
 */
export function withSettingsTable(document: string): string | undefined {
  const [before, rest, ...more] = document.split(opening);
  const [, after] = rest?.split(closing) ?? [];
  if (before === undefined || after === undefined || more.length > 0) return undefined;
  return `${before}${opening}\n${settingsTable()}\n${closing}${after}`;
}

function fallbackOf({ fallback }: Notes): string {
  return "text" in fallback ? `\`${fallback.text}\`` : fallback.words;
}

function plain(markdown: string): string {
  return markdown.replaceAll("`", "");
}
