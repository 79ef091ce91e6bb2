import { OperatorError } from "../lib/errors.ts";

export type HiddenInput = {
  /**
   * Asks on standard error and reads a line that the terminal does not show. Throws OperatorError when it is broken
   * off.
   */
  ask(question: string): Promise<string>;
  /** Gives the terminal back as it was. */
  close(): void;
};

/** As many characters are kept of a line. */
const mostCharacters = 1_024;

const keys = { interrupt: "\x03", endOfInput: "\x04", backspace: "\x7f", delete: "\b", wipe: "\x15" };

/**
 * Reads hidden lines from the terminal on standard input. In raw mode the terminal edits nothing itself: the usual
 * keys are ours.
 */
export function openHiddenInput(): HiddenInput {
  const { stdin, stderr } = process;
  let typed: string[] = [];
  let wake = () => {};
  const listen = (text: string) => {
    typed.push(...text);
    wake();
  };
  stdin.setRawMode(true);
  stdin.setEncoding("utf8");
  stdin.on("data", listen);
  stdin.resume();

  async function nextKey(): Promise<string> {
    for (;;) {
      const key = typed.shift();
      if (key !== undefined) return key;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }

  async function readLine(): Promise<string> {
    let line: string[] = [];
    for (;;) {
      const key = await nextKey();
      if (key === "\r" || key === "\n") return line.join("");
      if (key === keys.interrupt || key === keys.endOfInput) {
        throw new OperatorError("Broken off: nothing was changed.");
      }
      if (key === keys.backspace || key === keys.delete) line.pop();
      else if (key === keys.wipe) line = [];
      else if (key >= " " && line.length < mostCharacters) line.push(key);
    }
  }

  return {
    async ask(question) {
      stderr.write(question);
      try {
        return await readLine();
      } finally {
        stderr.write("\n");
      }
    },
    close() {
      stdin.off("data", listen);
      stdin.setRawMode(false);
      stdin.pause();
      typed = [];
    },
  };
}
