import { beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ensureDebian } from "../../scripts/support/ensure.ts";
import { startBinary, temporaryFolder } from "../support/postern.ts";
import { password, seededFolder, user } from "../support/seed.ts";

// A killed process proves nothing about power: what it wrote is with the kernel, and reaches the disk all the same. What the disk had been
// asked for when an answer left is only seen in the system calls.

/** What matters of a traced system call. */
type Call = "log written" | "log synced" | `answered ${string}`;

const written = /^\d+ +pwrite64\(\d+<[^>]*-wal>/;
const synced = /^\d+ +(?:fsync|fdatasync)\(\d+<[^>]*-wal>\) += 0/;
const answered = /^\d+ +(?:sendto|write|writev|sendmsg)\(\d+<socket:.*HTTP\/1\.1 (\d+)/;

function callsIn(trace: string): Call[] {
  return trace.split("\n").flatMap((line): Call[] => {
    if (written.test(line)) return ["log written"];
    if (synced.test(line)) return ["log synced"];
    const status = answered.exec(line)?.[1];
    return status === undefined ? [] : [`answered ${status}`];
  });
}

/** What happened to the log between each answer and the one before it, without repeats. */
function beforeEachAnswer(calls: Call[]): { answer: Call; log: Call[] }[] {
  const answers: { answer: Call; log: Call[] }[] = [];
  let log: Call[] = [];
  for (const call of calls) {
    if (call.startsWith("answered")) {
      answers.push({ answer: call, log });
      log = [];
    } else if (log.at(-1) !== call) log.push(call);
  }
  return answers;
}

describe("what a login promises is on the disk before its answer leaves", () => {
  let answers: { answer: Call; log: Call[] }[];

  beforeAll(async () => {
    await ensureDebian({ strace: "strace" });
    const dataDir = await seededFolder([user("ada")]);
    const file = join(temporaryFolder(), "trace");
    const server = await startBinary({
      dataDir,
      // -D: the server stays the child, so that signals reach it; -y: descriptors are shown with their files.
      launcher: ["strace", "-D", "-f", "-y", "-s", "200", "-o", file].concat([
        "-e",
        "trace=pwrite64,fsync,fdatasync,write,writev,sendto,sendmsg",
      ]),
    });
    await server.get("/health/live");
    for (const given of [password, "a wrong password", password]) {
      const { status } = await server.login({ accountId: "", email: "ada@example.com", password: given });
      expect(status).toBe(given === password ? 200 : 400);
    }
    await server.end();
    const whole = /\+\+\+ exited with 0 \+\+\+\n$/;
    while (!whole.test(readFileSync(file, "utf8"))) await Bun.sleep(10);
    answers = beforeEachAnswer(callsIn(readFileSync(file, "utf8"))).slice(1);
  }, 60_000);

  for (const [number, what, status] of [
    [0, "a session, event and audit entry before the 200", 200],
    [1, "a failure that was counted before the 400", 400],
    [2, "another login before its 200", 200],
  ] as const) {
    test(what, () => {
      expect(answers[number]).toEqual({ answer: `answered ${status}`, log: ["log written", "log synced"] });
    });
  }
});
