import { type FileHandle, open } from "node:fs/promises";
import { OperatorError } from "./errors.ts";

/** One line of a file. `fault`: why it cannot be read as text. */
export type Line = { number: number; text: string } | { number: number; fault: string };

/** A file that is read line by line, more than once, and must be the same each time. */
export type LineFile = {
  /** The lines that hold anything, from the first on. Memory is bounded by the longest line. */
  lines(): AsyncGenerator<Line>;
  /** Whether the file is still as it was when it was opened: its size and its times. */
  isUnchanged(): Promise<boolean>;
  close(): Promise<void>;
};

const chunkBytes = 256 * 1024;
const lineFeed = 10;

/**
 * Opens a text file in UTF-8 with lines of at most `mostBytes`. Throws OperatorError when it is no ordinary file, or
 * cannot be read.
 */
export async function openLineFile(path: string, mostBytes: number): Promise<LineFile> {
  const handle = await openOrExplain(path);
  const begun = await handle.stat({ bigint: true });
  if (!begun.isFile()) {
    await handle.close();
    throw new OperatorError(
      `${path} is not an ordinary file: it is read more than once, which a pipe does not allow.`,
    );
  }
  return {
    lines: () => readLines(handle, mostBytes),
    async isUnchanged() {
      const now = await handle.stat({ bigint: true });
      return now.size === begun.size && now.mtimeNs === begun.mtimeNs && now.ctimeNs === begun.ctimeNs;
    },
    close: () => handle.close(),
  };
}

async function openOrExplain(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r");
  } catch (error) {
    throw new OperatorError(
      `${path} cannot be read: ${error instanceof Error ? error.message : String(error)}.`,
    );
  }
}

async function* readLines(handle: FileHandle, mostBytes: number): AsyncGenerator<Line> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let number = 0;
  for await (const bytes of readRawLines(handle, mostBytes)) {
    number += 1;
    const line = decodeLine(decoder, number, bytes, mostBytes);
    if ("fault" in line || line.text.trim() !== "") yield line;
  }
}

function decodeLine(
  decoder: TextDecoder,
  number: number,
  bytes: Buffer | undefined,
  mostBytes: number,
): Line {
  if (bytes === undefined) return { number, fault: `the line is longer than ${mostBytes} bytes` };
  try {
    return { number, text: decoder.decode(bytes) };
  } catch {
    return { number, fault: "the line is not UTF-8" };
  }
}

/**
 * The bytes of each line, without its line feed; undefined for one that is too long, which is skipped without being
 * kept.
 */
async function* readRawLines(handle: FileHandle, mostBytes: number): AsyncGenerator<Buffer | undefined> {
  const chunk = Buffer.alloc(chunkBytes);
  let parts: Buffer[] = [];
  let length = 0;
  const add = (bytes: Buffer) => {
    length += bytes.length;
    if (length > mostBytes) parts = [];
    else if (bytes.length > 0) parts.push(Buffer.from(bytes));
  };
  const take = () => {
    const line = length > mostBytes ? undefined : Buffer.concat(parts);
    parts = [];
    length = 0;
    return line;
  };
  for (let position = 0; ; ) {
    const { bytesRead } = await handle.read(chunk, 0, chunkBytes, position);
    if (bytesRead === 0) break;
    position += bytesRead;
    let start = 0;
    for (
      let end = chunk.indexOf(lineFeed);
      end >= 0 && end < bytesRead;
      end = chunk.indexOf(lineFeed, start)
    ) {
      add(chunk.subarray(start, end));
      yield take();
      start = end + 1;
    }
    add(chunk.subarray(start, bytesRead));
  }
  if (length > 0) yield take();
}
