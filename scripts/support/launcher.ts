import { readFileSync } from "node:fs";

type Running = { pid: number; parent: number; name: string };

/** How often the launcher is looked for, in ms: three small reads of /proc, some 50 µs. */
const lookEveryMs = 250;

/** npm, the shell it starts and `bun run` are the longest way from a person to one of these scripts. */
const longestChain = 3;

/**
 * Ends this script with SIGTERM once the `npx` that started it is gone. `npx` runs its command in a shell, and a SIGTERM
 * sent to `npx` alone ends both without reaching what the shell runs: a server would be left behind. (dash, Debian's
 * shell; where the shell replaces itself by its last command, as bash does, `npx` reaches `bun run`, which passes signals
 * on. A SIGINT to `npx` alone reaches nobody: npm leaves that to the terminal, which sends it to all.)
 * Does nothing without /proc or without `npx`.
 */
export function endWithLauncher(): void {
  const chain = ancestorsUpToNpm();
  if (chain.length === 0) return;
  const timer = setInterval(() => {
    if (chain.every(({ pid, parent }) => lookUp(pid)?.parent === parent)) return;
    clearInterval(timer);
    process.kill(process.pid, "SIGTERM");
  }, lookEveryMs);
  timer.unref();
}

/** The processes between this one and npm, none of which changes its parent while all live; empty without npm. */
function ancestorsUpToNpm(): Running[] {
  const chain: Running[] = [];
  let next = lookUp(process.ppid);
  while (next !== undefined && chain.length < longestChain) {
    if (next.name.startsWith("npm")) return chain;
    chain.push(next);
    next = lookUp(next.parent);
  }
  return [];
}

/** `PID (NAME) STATE PARENT …`; the name may itself hold spaces and parentheses. */
function lookUp(pid: number): Running | undefined {
  try {
    const match = /^\d+ \((.*)\) \S (\d+)/s.exec(readFileSync(`/proc/${pid}/stat`, "utf8"));
    return match === null ? undefined : { pid, parent: Number(match[2]), name: match[1] ?? "" };
  } catch {
    return undefined;
  }
}
