import { atEnd } from "./postern.ts";

/** A running program that answers each line of its input with a line of its output. */
export type LineProgram = {
  /** The next line that it prints, from the first; waits for it. Throws what the program said when it ended instead. */
  next(): Promise<string>;
  /** Writes a line and resolves with the next one that comes back. */
  ask(line: string): Promise<string>;
};

/** Starts a program, and ends it after the file's last test. */
export function startLineProgram(
  command: string[],
  options: { cwd: string; env?: Record<string, string> },
): LineProgram {
  const child = Bun.spawn(command, {
    cwd: options.cwd,
    env: { PATH: process.env["PATH"] ?? "", ...options.env },
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
  });
  atEnd(async () => {
    child.kill();
    await child.exited;
  });
  const complaints = new Response(child.stderr).text();
  const reader = child.stdout.getReader();
  const decoder = new TextDecoder();
  let printed = "";

  async function next(): Promise<string> {
    for (;;) {
      const end = printed.indexOf("\n");
      if (end >= 0) {
        const line = printed.slice(0, end);
        printed = printed.slice(end + 1);
        return line;
      }
      const { done, value } = await reader.read();
      if (done) throw new Error(`the program ended: ${await complaints}`);
      printed += decoder.decode(value, { stream: true });
    }
  }

  return {
    next,
    async ask(line) {
      child.stdin.write(`${line}\n`);
      await child.stdin.flush();
      return next();
    },
  };
}
