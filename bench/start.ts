// How long the program takes from its start to its first answer, what it holds in memory when idle, and how large it is, beside the least
// that Bun can do: a compiled server that says hello. Run: bun run build && bun bench/start.ts

import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock, wait } from "../src/lib/clock.ts";
import { median, say } from "./support/figures.ts";
import { cpuMs, residentMiB } from "./support/process.ts";
import { binary, makeFolder } from "./support/server.ts";

const starts = 15;
/** After this long without a request, what is still held is what it holds when idle. */
const idleMs = 3_000;

type Figures = { firstAnswerMs: number; idleMiB: number; idleCpuPercent: number; megabytes: number };

const hello = `Bun.serve({ hostname: "127.0.0.1", port: Number(process.env.PORT), fetch: () => new Response("hello") });`;

const workshop = mkdtempSync(join(tmpdir(), "postern-bench-"));
const folder = await makeFolder({ users: 1 });
const postern = await measure(
  [binary, "serve"],
  (port) => ({ ...folder.settings, POSTERN_LISTEN: `127.0.0.1:${port}` }),
  "/health/live",
);
const peer = await measure([await compileHello()], (port) => ({ PORT: String(port) }), "/");
folder.remove();
rmSync(workshop, { recursive: true });

say(`${`medians of ${starts} starts`.padEnd(44)}   postern     hello`);
row("start to first answer, ms", ({ firstAnswerMs }) => firstAnswerMs.toFixed(0));
row("resident memory, idle, MiB", ({ idleMiB }) => idleMiB.toFixed(1));
row("CPU when idle, % of a core", ({ idleCpuPercent }) => idleCpuPercent.toFixed(1));
row("size of the executable, MB", ({ megabytes }) => megabytes.toFixed(1));

function row(what: string, figure: (figures: Figures) => string): void {
  say(`${what.padEnd(44)} ${figure(postern).padStart(9)} ${figure(peer).padStart(9)}`);
}

async function measure(
  command: string[],
  settingsFor: (port: number) => Record<string, string>,
  path: string,
): Promise<Figures> {
  const times: number[] = [];
  let idle = { idleMiB: 0, idleCpuPercent: 0 };
  for (let start = 0; start < starts; start += 1) {
    const port = freePort();
    const begun = systemClock.monotonic();
    const child = Bun.spawn(command, { env: settingsFor(port), stdout: "ignore", stderr: "ignore" });
    await firstAnswer(`http://127.0.0.1:${port}${path}`);
    times.push(systemClock.monotonic() - begun);
    if (start === starts - 1) idle = await whenIdle(child.pid);
    child.kill();
    await child.exited;
  }
  const [program = ""] = command;
  return { firstAnswerMs: median(times), ...idle, megabytes: statSync(program).size / 1_000_000 };
}

async function whenIdle(pid: number) {
  await wait(systemClock, idleMs);
  const before = cpuMs(pid);
  await wait(systemClock, idleMs);
  return { idleMiB: residentMiB(pid), idleCpuPercent: ((cpuMs(pid) - before) / idleMs) * 100 };
}

/** Asks until there is an answer: a refused connection costs a fraction of a millisecond. */
async function firstAnswer(url: string): Promise<void> {
  for (;;) {
    try {
      await (await fetch(url)).arrayBuffer();
      return;
    } catch {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

function freePort(): number {
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response() });
  const { port } = server;
  void server.stop(true);
  return port ?? 0;
}

async function compileHello(): Promise<string> {
  const source = join(workshop, "hello.ts");
  const outfile = join(workshop, "hello");
  writeFileSync(source, hello);
  const options = ["--compile", "--production", "--bytecode", "--format=esm", "--outfile", outfile];
  const child = Bun.spawn([process.execPath, "build", ...options, source], { stdout: "ignore" });
  if ((await child.exited) !== 0) throw new Error("the peer cannot be built");
  return outfile;
}
