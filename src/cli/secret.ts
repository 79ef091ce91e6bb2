import { OperatorError } from "../lib/errors.ts";
import { UsageError } from "./command.ts";
import { openHiddenInput } from "./terminal.ts";

/** No secret that is taken anywhere is longer: 256 characters of up to four bytes. */
const mostBytes = 4_096;

export type SecretRequest = {
  /** What it is: `password`. */
  noun: string;
  /** Whether the flag for standard input was given. */
  fromStandardInput: boolean;
};

/**
 * How a new secret comes in: from standard input, or asked for twice on a terminal that shows nothing of it. Never
 * from an argument, which everybody on the machine can read. Throws UsageError at once when there is neither; what is
 * returned throws OperatorError for a secret that is too long, no text, or not the same twice.
 */
export function secretReader({ noun, fromStandardInput }: SecretRequest): () => Promise<string> {
  if (process.stdin.isTTY) return () => askTwice(noun);
  if (fromStandardInput) return () => readStandardInput(noun);
  throw new UsageError(
    `give the ${noun} on standard input with --${noun}-stdin, or call this in a terminal, where it is asked for`,
  );
}

async function askTwice(noun: string): Promise<string> {
  const input = openHiddenInput();
  try {
    const secret = await input.ask(`New ${noun}: `);
    const again = await input.ask("Once more: ");
    if (secret !== again) throw new OperatorError(`The two ${noun}s are not the same: nothing was changed.`);
    return secret;
  } finally {
    input.close();
  }
}

/** Everything up to the end, without one line end there, which `echo` adds. */
async function readStandardInput(noun: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of Bun.stdin.stream()) {
    bytes += chunk.length;
    if (bytes > mostBytes) throw new OperatorError(`The ${noun} on standard input is too long.`);
    chunks.push(chunk);
  }
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks));
    return text.replace(/\r?\n$/, "");
  } catch {
    throw new OperatorError(`The ${noun} on standard input is not UTF-8.`);
  }
}
