import type { Services } from "../compose.ts";
import type { Config } from "../config/config.ts";
import type { Input } from "./input.ts";
import type { Output } from "./output.ts";

/** An option as it stands in a command's help. */
export type Option = {
  /** `flag` takes no value; `list` may be given more than once. */
  kind: "text" | "flag" | "list";
  /** What stands for the value in the help. */
  value?: string;
  help: string;
  required?: boolean;
};

/** What stands behind a command's name and is no option. */
export type Argument = { name: string; help: string; many?: boolean };

/** What a command works with. */
export type CommandContext = {
  input: Input;
  output: Output;
  /** The settings as the variables and `postern.toml` have them. Throws OperatorError. */
  config(): Config;
  /** Opens the data folder; it is closed when the command has ended. Throws OperatorError. */
  open(options?: { create: boolean }): Promise<Services>;
};

export type Command = {
  /** As it is typed: `user create`. */
  name: string;
  /** One sentence. */
  summary: string;
  arguments?: readonly Argument[];
  options: Readonly<Record<string, Option>>;
  /** Paragraphs for the end of the help. */
  notes?: readonly string[];
  /** Returns the exit code; nothing is 0. Failures are thrown. */
  run(context: CommandContext): Promise<number | undefined>;
};

/** The command was not called as it wants to be: exit code 2. */
export class UsageError extends Error {}

/** Options that every command has. */
export const dataDirOption: Record<string, Option> = {
  "data-dir": {
    kind: "text",
    value: "FOLDER",
    help: "The data folder; without it, that of POSTERN_DATA_DIR, or ./data.",
  },
};
export const helpOption: Record<string, Option> = { help: { kind: "flag", help: "Shows this." } };

/** Options of the commands that answer with a record or a list. */
export const jsonOption: Record<string, Option> = {
  json: { kind: "flag", help: "Answers in JSON, with the field names of the REST API." },
};

export const accountOption: Record<string, Option> = {
  account: { kind: "text", value: "ACCOUNT", help: "The account, by its id or alias.", required: true },
};

export const userOptions: Record<string, Option> = {
  ...accountOption,
  email: { kind: "text", value: "EMAIL", help: "The user's e-mail address.", required: true },
};
