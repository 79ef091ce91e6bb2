import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { isoTime } from "../../src/lib/clock.ts";
import { isServerRunning, takeServerLock } from "../../src/storage/sqlite/server-lock.ts";
import { fakeClock } from "../support/fake-clock.ts";
import { temporaryFolder } from "../support/postern.ts";

const newLock = () => join(temporaryFolder(), "server.lock");

/** A process that holds the lock until it is killed. */
async function startHolder(file: string) {
  const source = join(import.meta.dir, "../../src");
  const program = `
    const { takeServerLock } = require("${source}/storage/sqlite/server-lock.ts");
    const { systemClock } = require("${source}/lib/clock.ts");
    await takeServerLock(process.argv[1], systemClock);
    console.log("held");
    await Bun.stdin.text();`;
  const child = Bun.spawn([process.execPath, "-e", program, file], { stdin: "pipe", stdout: "pipe" });
  await child.stdout.getReader().read();
  return child;
}

describe("the lock of a data folder", () => {
  test("is waited for 10 s; then the second server is told which process holds it since when", async () => {
    const [file, clock] = [newLock(), fakeClock()];
    const since = isoTime(clock.now());
    const first = await takeServerLock(file, clock);
    const second = takeServerLock(file, clock);
    const refusal = second.catch((error: Error) => error.message);
    await clock.advance(9_999);
    expect(Bun.peek.status(second)).toBe("pending");
    await clock.advance(101);
    expect(await refusal).toBe(
      `Another server has this data folder (process ${process.pid}, since ${since}): stop it first, or give this one a folder of its own with POSTERN_DATA_DIR.`,
    );
    first.release();
  });

  test("is taken over as soon as the server before lets go of it", async () => {
    const [file, clock] = [newLock(), fakeClock()];
    const first = await takeServerLock(file, clock);
    const second = takeServerLock(file, clock);
    await clock.advance(8_000);
    first.release();
    await clock.advance(100);
    (await second).release();
    expect(isServerRunning(file)).toBe(false);
  });

  test("is free at once when its holder was killed", async () => {
    const file = newLock();
    const holder = await startHolder(file);
    expect(isServerRunning(file)).toBe(true);
    holder.kill("SIGKILL");
    await holder.exited;
    expect(isServerRunning(file)).toBe(false);
    (await takeServerLock(file, fakeClock())).release();
  });

  test("is asked for without taking it: those who ask do not take each other for a server", () => {
    const file = newLock();
    expect(isServerRunning(file)).toBe(false);
    expect(existsSync(file)).toBe(false);
    const asking = new Database(file, { create: true });
    asking.run("BEGIN");
    asking.query("SELECT * FROM sqlite_schema").all();
    expect(isServerRunning(file)).toBe(false);
    asking.close();
  });

  test("that cannot be made is told", async () => {
    const file = join(temporaryFolder(), "no-such-folder/server.lock");
    await expect(takeServerLock(file, fakeClock())).rejects.toThrow(
      `The server's lock ${file} cannot be opened (`,
    );
  });
});
