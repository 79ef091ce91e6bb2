import { parseArgs } from "node:util";
import { nearest } from "../config/names.ts";
import { type Command, UsageError } from "./command.ts";

/** The arguments of one call of a command, after they were checked against its declaration. */
export type Input = {
  /** The value of a required option. */
  text(option: string): string;
  optional(option: string): string | undefined;
  list(option: string): string[];
  flag(option: string): boolean;
  /** The one argument of the command. */
  argument(): string;
  arguments(): string[];
};

/**
 * Reads the arguments. Throws UsageError for whatever the command does not declare. Values are never repeated in a
 * message: one of them may be a password that stands where it must not.
 */
export function readInput(command: Command, args: readonly string[]): Input {
  const { values, positionals } = parse(command, args);
  for (const [name, { required, value }] of Object.entries(command.options)) {
    if (required && values[name] === undefined) throw new UsageError(`--${name} ${value ?? ""} is missing`);
  }
  checkArguments(command, positionals);
  return {
    text(option) {
      const value = values[option];
      if (typeof value !== "string") throw new TypeError(`${command.name} declares no required --${option}`);
      return value;
    },
    optional(option) {
      const value = values[option];
      return typeof value === "string" ? value : undefined;
    },
    list(option) {
      const value = values[option];
      return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
    },
    flag: (option) => values[option] === true,
    argument: () => positionals[0] ?? "",
    arguments: () => positionals,
  };
}

function parse(command: Command, args: readonly string[]) {
  const names = Object.keys(command.options);
  const options = Object.fromEntries(
    Object.entries(command.options).map(([name, { kind }]) => [
      name,
      { type: kind === "flag" ? ("boolean" as const) : ("string" as const), multiple: kind === "list" },
    ]),
  );
  try {
    const read = parseArgs({ args: [...args], options, strict: true, allowPositionals: true, tokens: true });
    refuseRepeated(command, read.tokens);
    return read;
  } catch (error) {
    if (error instanceof UsageError || !(error instanceof Error)) throw error;
    throw new UsageError(explain(error, names));
  }
}

/** parseArgs takes the last of several; which one a person meant is anybody's guess. */
function refuseRepeated(command: Command, tokens: readonly { kind: string; name?: string }[]): void {
  const seen = new Set<string>();
  for (const { kind, name } of tokens) {
    if (kind !== "option" || name === undefined) continue;
    if (seen.has(name) && command.options[name]?.kind === "text") {
      throw new UsageError(`--${name} is given more than once`);
    }
    seen.add(name);
  }
}

/** parseArgs' own sentence, the first one of it, or a better one for an option that does not exist. */
function explain(error: Error, names: readonly string[]): string {
  const unknown = /^Unknown option '(-{1,2}[^'=]*)/.exec(error.message)?.[1];
  if (unknown === undefined) return error.message.split(/[.\n]/)[0] ?? "";
  if (/^--(password|token)$/.test(unknown)) {
    return `${unknown} is no option, since others on this machine can read arguments: give the secret on standard input with ${unknown}-stdin`;
  }
  return `there is no option ${unknown}; did you mean --${nearest(unknown, names)}?`;
}

function checkArguments(command: Command, given: readonly string[]): void {
  const wanted = command.arguments ?? [];
  const missing = wanted[given.length];
  if (missing !== undefined) throw new UsageError(`${missing.name} is missing`);
  if (given.length > wanted.length && !wanted.at(-1)?.many) {
    throw new UsageError(`there are more arguments than it takes (${wanted.length})`);
  }
}
