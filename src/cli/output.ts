/** What a command says. */
export type Output = {
  /** Whether the answers are JSON. */
  json: boolean;
  /** Writes a line to standard output. */
  line(text: string): Promise<void>;
  /** One record: as JSON, or as a sentence. */
  record(record: object, sentence: string): Promise<void>;
  /** Something worth knowing beside the record: after it for people, on standard error beside JSON. */
  note(sentence: string): Promise<void>;
  /** Writes a line to standard error. */
  warn(text: string): Promise<void>;
  /** Shows how far the work is, on a terminal only; `undefined` wipes it away. */
  progress(text: string | undefined): void;
};

/** Writes to the streams of the process, at the pace at which they are read. */
export function makeOutput(json: boolean): Output {
  const { stdout, stderr } = process;
  const line = (text: string) => write(stdout, `${printable(text)}\n`);
  const warn = (text: string) => write(stderr, `${printable(text)}\n`);
  return {
    json,
    line: (text) => (json ? write(stdout, `${text}\n`) : line(text)),
    record: (record, sentence) => (json ? write(stdout, `${JSON.stringify(record)}\n`) : line(sentence)),
    note: async (sentence) => (json ? warn(sentence) : line(sentence)),
    warn,
    progress(text) {
      if (stderr.isTTY) stderr.write(`\r\x1b[K${text ?? ""}`);
    },
  };
}

/**
 * Ends the process in peace when whoever reads its output has had enough (`| head`): there is nobody left to tell
 * anything.
 */
export function endWhenUnread(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: Error & { code?: string }) => {
      process.exit(error.code === "EPIPE" ? 0 : 1);
    });
  }
}

function write(stream: NodeJS.WriteStream, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(text, (error) => (error ? reject(error) : resolve()));
  });
}

/**
 * A text from a record as a terminal may be shown it: control characters and the marks that turn its direction round
 * could rewrite what stands before them.
 */
export function printable(text: string): string {
  return text.replace(/[^\P{Cc}\n]|[\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, "\u{FFFD}");
}
