import { version } from "../lib/version.ts";
import type { Argument, Command, Option } from "./command.ts";

const width = 100;

/** What a usage that is too long for one line goes on under. */
const usageIndent = " ".repeat("Usage: ".length);

/** The help of the whole program, or of a group such as `user`. */
export function groupHelp(commands: readonly Command[], group?: string): string {
  const shown = commands.filter(({ name }) => group === undefined || name.startsWith(`${group} `));
  const rows = shown.map(({ name, summary }): [string, string] => [name, summary]);
  const title =
    group === undefined
      ? `Postern ${version}: a self-hosted login service in one executable.`
      : `Commands of postern ${group}:`;
  return [
    title,
    "",
    `Usage: postern ${group ?? "COMMAND"} ${group === undefined ? "[OPTIONS]" : "COMMAND [OPTIONS]"}`,
    "",
    ...columns(rows),
    "",
    `postern ${group ?? ""}${group === undefined ? "" : " "}COMMAND --help tells of each.`,
  ].join("\n");
}

/** The help of one command. */
export function commandHelp(command: Command): string {
  const given = command.arguments ?? [];
  const options = Object.entries(command.options);
  return [
    ...wrapped(command.summary, width),
    "",
    ...wrapped(`Usage: postern ${usageLine(command)}`, width - usageIndent.length).map((line, index) =>
      index === 0 ? line : `${usageIndent}${line}`,
    ),
    "",
    ...columns([
      ...given.map(({ name, help }): [string, string] => [name, help]),
      ...options.map(([name, option]): [string, string] => [spelled(name, option), option.help]),
    ]),
    ...(command.notes ?? []).flatMap((note) => ["", ...wrapped(note, width)]),
  ].join("\n");
}

/** How a command is called, with its required options, on one line: `user list --account ACCOUNT [OPTIONS]`. */
export function usageLine(command: Command): string {
  const options = Object.entries(command.options);
  const required = options.filter(([, { required }]) => required);
  return [
    command.name,
    ...(command.arguments ?? []).map(argumentName),
    ...required.map(([name, option]) => spelled(name, option)),
    ...(options.length > required.length ? ["[OPTIONS]"] : []),
  ].join(" ");
}

function argumentName({ name, many }: Argument): string {
  return many ? `${name} …` : name;
}

function spelled(name: string, { value }: Option): string {
  return value === undefined ? `--${name}` : `--${name} ${value}`;
}

/** Two columns, the second wrapped. What is too long for the first has a line to itself. */
function columns(rows: readonly [string, string][]): string[] {
  const left = Math.min(Math.max(...rows.map(([name]) => name.length)), 34) + 2;
  return rows.flatMap(([name, text]) => {
    const [first = "", ...rest] = wrapped(text, width - left - 2);
    const start =
      name.length > left - 2
        ? [`  ${name}`, `  ${"".padEnd(left)}${first}`]
        : [`  ${name.padEnd(left)}${first}`];
    return [...start, ...rest.map((line) => `  ${"".padEnd(left)}${line}`)];
  });
}

function wrapped(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > columns) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}
