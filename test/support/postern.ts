import { afterAll } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RunningServer, startServer } from "../../src/compose.ts";
import { readConfig } from "../../src/config/config.ts";
import { type Clock, systemClock } from "../../src/lib/clock.ts";
import { makeLog } from "../../src/lib/log.ts";

/** The compiled program: what people run is what is tested. */
export const binary = join(import.meta.dir, "../../dist/postern");

/** Hashes that cost next to nothing: these tests are about everything but the cost. */
export const cheapHashes = { POSTERN_HASH_MEMORY_KIB: "64", POSTERN_HASH_ITERATIONS: "1" };

const cleanUps: (() => Promise<void> | void)[] = [];

afterAll(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** Runs `cleanUp` after the file's last test, in reverse order. */
export function atEnd(cleanUp: () => Promise<void> | void): void {
  cleanUps.push(cleanUp);
}

/** A new empty folder, removed after the file's last test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "postern-test-"));
  atEnd(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export type Client = {
  url: string;
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>;
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  /** `POST /v3/accounts/login` and its parsed answer. */
  login(body: Record<string, unknown>): Promise<LoginAnswer>;
};

export type LoginAnswer = { status: number; headers: Headers; text: string; body: Record<string, unknown> };

export function clientOf(url: string): Client {
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    fetch(url + path, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body),
      tls: { rejectUnauthorized: false },
    });
  return {
    url,
    post,
    get: (path, headers = {}) => fetch(url + path, { headers, tls: { rejectUnauthorized: false } }),
    async login(body) {
      const response = await post("/v3/accounts/login", body);
      const text = await response.text();
      return { status: response.status, headers: response.headers, text, body: JSON.parse(text) };
    },
  };
}

export type Started = Client & { dataDir: string; settings: Record<string, string> };

export type StartedBinary = Started & {
  pid: number;
  /** Everything it printed so far. */
  output(): string;
  /** Resolves with the first line printed, from the beginning, that the pattern matches. */
  line(pattern: RegExp): Promise<string>;
  /** Sends a signal and resolves with the exit code once the process has gone. */
  end(signal?: NodeJS.Signals): Promise<number>;
};

export type StartOptions = { dataDir?: string; settings?: Record<string, string> };

export type BinaryOptions = StartOptions & {
  arguments?: string[];
  /** The folder it is started in; the data folder unless told. */
  cwd?: string;
  /** A program that sets something up and then becomes the server: `sh -c '…; exec "$@"' sh`. */
  launcher?: string[];
};

/** Starts `dist/postern serve` on a port of its own and waits until it listens. */
export async function startBinary(options: BinaryOptions = {}): Promise<StartedBinary> {
  const dataDir = options.dataDir ?? temporaryFolder();
  const settings = {
    POSTERN_DATA_DIR: dataDir,
    POSTERN_LISTEN: "127.0.0.1:0",
    POSTERN_LOG_FORMAT: "json",
    ...cheapHashes,
    ...options.settings,
  };
  const child = Bun.spawn([...(options.launcher ?? []), binary, "serve", ...(options.arguments ?? [])], {
    env: { PATH: process.env["PATH"] ?? "", ...settings },
    cwd: options.cwd ?? dataDir,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  let printed = "";
  let changed = Promise.withResolvers<void>();
  const read = async (stream: ReadableStream<Uint8Array>) => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      printed += decoder.decode(chunk, { stream: true });
      changed.resolve();
      changed = Promise.withResolvers();
    }
  };
  const reading = Promise.all([read(child.stdout), read(child.stderr)]);
  /** Everything it printed is read, and how it ended is known. */
  const over = Promise.all([child.exited, reading]).then(() => true);
  const end = async (signal: NodeJS.Signals = "SIGTERM") => {
    child.kill(signal);
    const code = await child.exited;
    await reading;
    return code;
  };
  atEnd(async () => {
    if (child.exitCode === null && child.signalCode === null) await end("SIGKILL");
  });
  const line = async (pattern: RegExp): Promise<string> => {
    for (let ended = false; ; ) {
      const next = changed.promise.then(() => false);
      const found = printed.split("\n").find((candidate) => pattern.test(candidate));
      if (found !== undefined) return found;
      if (ended) throw new Error(`the server ended with ${child.exitCode ?? child.signalCode}:\n${printed}`);
      ended = await Promise.race([next, over]);
    }
  };
  const url = JSON.parse(await line(/"message":"listening"/)).url;
  return { ...clientOf(url), dataDir, settings, pid: child.pid, output: () => printed, line, end };
}

export type StartedInProcess = Started & { server: RunningServer; logged: string[] };

/** Starts the server in this process, on a real socket and a real file, with a clock that the test sets. */
export async function startInProcess(
  options: StartOptions & { clock?: Clock } = {},
): Promise<StartedInProcess> {
  const dataDir = options.dataDir ?? temporaryFolder();
  const settings = {
    POSTERN_DATA_DIR: dataDir,
    POSTERN_LISTEN: "127.0.0.1:0",
    ...cheapHashes,
    ...options.settings,
  };
  const { config } = readConfig({ flags: {}, environment: settings, defaultConcurrency: 2 });
  const logged: string[] = [];
  const clock = options.clock ?? systemClock;
  const log = makeLog({ level: "info", format: "json", clock, write: (entry) => logged.push(entry) });
  const server = await startServer(config, { clock, log });
  let stopped: Promise<void> | undefined;
  const stop = () => (stopped ??= server.stop());
  atEnd(stop);
  return { ...clientOf(server.url), dataDir, settings, server: { ...server, stop }, logged };
}
