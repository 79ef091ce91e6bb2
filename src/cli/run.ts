import { availableParallelism } from "node:os";
import { openForCommand, type Services } from "../compose.ts";
import { type Config, readConfig } from "../config/config.ts";
import { nearest } from "../config/names.ts";
import { ApiError, OperatorError } from "../lib/errors.ts";
import { version } from "../lib/version.ts";
import { type Command, helpOption, UsageError } from "./command.ts";
import { commands } from "./commands.ts";
import { type Input, readInput } from "./input.ts";
import { endWhenUnread, makeOutput, type Output } from "./output.ts";
import { commandHelp, groupHelp } from "./usage.ts";

/** What the arguments of the program ask for. */
type Call = { kind: "say"; text: string } | { kind: "run"; command: Command; args: readonly string[] };

/** Runs one command. Returns the exit code: 0, 1 when it was refused, 2 when it was called in a wrong way. */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  endWhenUnread();
  const output = makeOutput(false);
  try {
    const call = readCall(args);
    if (call.kind === "run") {
      const { command, args: rest } = call;
      return await withHint(command, () => runCommand(command, rest));
    }
    await output.line(call.text);
    return 0;
  } catch (error) {
    await output.warn(`postern: ${tell(error)}`);
    return error instanceof UsageError ? 2 : 1;
  }
}

async function runCommand(command: Command, args: readonly string[]): Promise<number> {
  const input = readInput(command, args);
  const output = makeOutput(input.flag("json"));
  const opened: Services[] = [];
  const config = () => configOf(command, input, output);
  try {
    const code = await command.run({
      input,
      output,
      config,
      async open(options = { create: false }) {
        const services = await openForCommand(config(), options);
        opened.push(services);
        return services;
      },
    });
    return code ?? 0;
  } finally {
    for (const services of opened) await services.close();
  }
}

/** Says beside what is wrong with a call where the right one is told. */
async function withHint<Value>(command: Command, work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`${error.message} (postern ${command.name} --help tells more)`);
  }
}

/**
 * Warnings are for a person who watches: a script that reads standard error wants the reason of a failure there,
 * alone.
 */
function configOf(command: Command, input: Input, output: Output): Config {
  const flags = Object.fromEntries(Object.keys(command.options).map((name) => [name, input.optional(name)]));
  const { config, warnings } = readConfig({
    flags,
    environment: process.env,
    defaultConcurrency: availableParallelism(),
  });
  if (process.stderr.isTTY || command.name === "serve") {
    for (const warning of warnings) void output.warn(`postern: ${warning}`);
  }
  return config;
}

function readCall(args: readonly string[]): Call {
  const [first, second] = args;
  if (first === undefined) throw new UsageError(`a command is missing\n\n${groupHelp(commands)}`);
  if (first === "--version" || first === "-v" || first === "version") return { kind: "say", text: version };
  if (isHelp(first)) return { kind: "say", text: groupHelp(commands) };
  if (first === "help") return readHelpCall(args.slice(1));
  const command = findCommand(args);
  if (command !== undefined) {
    const rest = args.slice(command.name.split(" ").length);
    if (rest.some(isHelp)) return { kind: "say", text: commandHelp(command) };
    return {
      kind: "run",
      command: { ...command, options: { ...command.options, ...helpOption } },
      args: rest,
    };
  }
  if (!isGroup(first)) throw unknownCommand([first, second ?? ""]);
  if (second === undefined) throw new UsageError(`a command is missing\n\n${groupHelp(commands, first)}`);
  if (isHelp(second)) return { kind: "say", text: groupHelp(commands, first) };
  throw unknownCommand([first, second]);
}

function readHelpCall(args: readonly string[]): Call {
  const [first] = args;
  if (first === undefined) return { kind: "say", text: groupHelp(commands) };
  const command = findCommand(args);
  if (command !== undefined) return { kind: "say", text: commandHelp(command) };
  if (isGroup(first)) return { kind: "say", text: groupHelp(commands, first) };
  throw unknownCommand(args);
}

function findCommand([first, second]: readonly string[]): Command | undefined {
  return commands.find(({ name }) => name === first || name === `${first} ${second}`);
}

function isGroup(word: string): boolean {
  return commands.some(({ name }) => name.startsWith(`${word} `));
}

function isHelp(word: string): boolean {
  return word === "--help" || word === "-h";
}

/** Guesses word by word: most slips are in one of them. */
function unknownCommand(words: readonly string[]): UsageError {
  const firsts = [...new Set(commands.map(({ name }) => name.split(" ")[0] ?? name))];
  const [first = "", second = ""] = words;
  const group = nearest(first, firsts);
  const names = commands.map(({ name }) => name).filter((name) => `${name} `.startsWith(`${group} `));
  const guess = nearest(`${group} ${second}`, names);
  return new UsageError(`there is no such command; did you mean ${guess}? (postern --help lists all)`);
}

/** A failure in one line. Those that nobody foresaw say so; their stack is for whoever looks for the fault. */
function tell(error: unknown): string {
  if (error instanceof UsageError || error instanceof OperatorError || error instanceof ApiError) {
    return error.message;
  }
  if (!(error instanceof Error)) return String(error);
  return process.env["POSTERN_LOG_LEVEL"] === "debug" ? (error.stack ?? error.message) : error.message;
}
