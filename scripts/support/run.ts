import { constants } from "node:os";
import { resolve } from "node:path";

/** The project's folder, from wherever a script is called. */
export const projectFolder = resolve(import.meta.dir, "../..");

/** The Bun that runs this script. Never looked up by name: a machine that has only Node.js keeps it out of its PATH. */
export const bun = process.execPath;

/** A command out of node_modules/.bin, run by this Bun whatever its first line asks for, and never downloaded. */
export function tool(name: string, ...args: string[]): string[] {
  return [bun, "x", "--bun", "--no-install", name, ...args];
}

const endingSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Waits for a child and answers its exit code, by the shell's custom 128 + n when signal n ended it. A signal that
 * reaches this script meanwhile is passed on, and answered as `told`, so that nothing is left running when a script is
 * told to end. From a terminal the child gets it twice, once from the terminal and once from here.
 */
export async function ended(child: Bun.Subprocess): Promise<{ code: number; told?: NodeJS.Signals }> {
  const received: NodeJS.Signals[] = [];
  const passOn = (signal: NodeJS.Signals) => {
    received.push(signal);
    child.kill(signal);
  };
  for (const signal of endingSignals) process.on(signal, passOn);
  await child.exited;
  for (const signal of endingSignals) process.off(signal, passOn);
  const code = child.signalCode === null ? (child.exitCode ?? 1) : exitCodeOf(child.signalCode);
  return received[0] === undefined ? { code } : { code, told: received[0] };
}

function exitCodeOf(signal: NodeJS.Signals | number): number {
  return 128 + (typeof signal === "number" ? signal : constants.signals[signal]);
}

/** Runs a command in the project's folder, its output shown as it comes, and kills it after `limitMs`. Answers its exit code. */
export async function show(command: string[], limitMs?: number): Promise<number> {
  const limit = limitMs === undefined ? {} : { timeout: limitMs, killSignal: "SIGKILL" as const };
  const child = Bun.spawn(command, { cwd: projectFolder, stdio: ["ignore", "inherit", "inherit"], ...limit });
  const { code, told } = await ended(child);
  if (told !== undefined) process.exit(exitCodeOf(told));
  return code;
}

/** Runs a command in the project's folder and keeps what it prints. */
export async function capture(command: string[]): Promise<{ code: number; output: string }> {
  const child = Bun.spawn(command, { cwd: projectFolder, stdio: ["ignore", "pipe", "pipe"] });
  const [{ code }, out, err] = await Promise.all([
    ended(child),
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { code, output: `${out}${err}` };
}

/** Runs a command that is worth reading about only when it fails: then says what it printed and ends this script. */
export async function must(command: string[]): Promise<void> {
  const { code, output } = await capture(command);
  if (code === 0) return;
  process.stderr.write(output);
  process.exit(code);
}
