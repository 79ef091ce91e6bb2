import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { systemClock } from "../../src/lib/clock.ts";
import { damage, rowsOf } from "../support/database.ts";
import { type LoginAnswer, startBinary, startInProcess } from "../support/postern.ts";
import { importRecords, password, seededFolder, user, webhook } from "../support/seed.ts";
import { stoppedClock } from "../support/stopped-clock.ts";
import { authenticatorCode, totpSecret } from "../support/totp.ts";
import { holdWriteLock } from "../support/write-lock.ts";

const ada = { email: "ada@example.com", password };
const sessionsIn = (dataDir: string) => rowsOf(dataDir, "SELECT id FROM sessions").length;

describe("while another process holds the database's write lock", () => {
  /** A server whose patience a test can let pass without waiting. */
  async function startImpatient() {
    let skipped = 0;
    const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + skipped };
    const postern = await startInProcess({ dataDir: await seededFolder([user("ada")]), clock });
    /** Lets seconds pass until the login is answered. */
    async function outlast(answer: Promise<LoginAnswer>): Promise<LoginAnswer> {
      let answered: LoginAnswer | undefined;
      void answer.then((value) => {
        answered = value;
      });
      while (answered === undefined) {
        await new Promise((resolve) => setImmediate(resolve));
        skipped += 1_000;
      }
      return answered;
    }
    return { postern, outlast };
  }

  test("a login waits, and is answered as soon as the lock is free", async () => {
    const { postern } = await startImpatient();
    const lock = await holdWriteLock(join(postern.dataDir, "postern.db"));
    let answered = false;
    const answer = postern.login(ada).finally(() => {
      answered = true;
    });
    expect((await postern.get("/health")).status).toBe(200);
    expect(answered).toBe(false);
    await lock.release();
    expect((await answer).status).toBe(200);
  });

  test.each([
    ["a right login", password],
    ["a wrong one", "wrong password"],
  ])("%s is answered 503 in the end: no token, and no word on the password", async (_, tried) => {
    const { postern, outlast } = await startImpatient();
    const lock = await holdWriteLock(join(postern.dataDir, "postern.db"));
    const { status, headers, body } = await outlast(postern.login({ ...ada, password: tried }));
    expect(status).toBe(503);
    expect(body).toEqual({ code: "SERVER_BUSY", message: expect.any(String) });
    expect(headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
    await lock.release();
    expect(sessionsIn(postern.dataDir)).toBe(0);
    expect((await postern.login(ada)).status).toBe(200);
    expect(sessionsIn(postern.dataDir)).toBe(1);
  });
});

describe("when the disk takes no more", () => {
  /** No file may grow beyond this, in KiB: what a full disk looks like from within. */
  const mostOfAFile = 1_024;

  test("no token leaves for a login that was not written, and what was written is kept", async () => {
    const dataDir = await seededFolder([user("ada")]);
    // The signal of the limit is ignored, so that writing fails as it does on a full disk.
    const launcher = ["sh", "-c", `trap "" XFSZ; ulimit -f ${mostOfAFile * 2}; exec "$@"`, "sh"];
    const postern = await startBinary({ dataDir, launcher });
    let written = 0;
    let failed: LoginAnswer | undefined;
    while (failed === undefined) {
      const answer = await postern.login(ada);
      if (answer.status === 200) written += 1;
      else failed = answer;
    }
    expect(written).toBeGreaterThan(0);
    expect(failed.status).toBe(500);
    expect(failed.body).toEqual({
      code: "INTERNAL_ERROR",
      message: expect.any(String),
      requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    expect(failed.headers.get("cache-control")).toBe("no-store");
    const line = await postern.line(new RegExp(`"level":"error".*${failed.body["requestId"]}`));
    expect(JSON.parse(line)).toMatchObject({ message: "unforeseen error", error: expect.any(String) });
    // A failure is a smaller write, and may fit still; the one that does not is not called a wrong password.
    const guess = (name: number) => postern.login({ email: `ghost-${name}@example.com`, password });
    let guesses = 0;
    while ((await guess(guesses)).status === 400) guesses += 1;
    expect((await guess(guesses)).body["code"]).toBe("INTERNAL_ERROR");
    expect((await postern.get("/health/live")).status).toBe(200);
    await postern.end("SIGKILL");
    expect(sessionsIn(dataDir)).toBe(written);
    const again = await startBinary({ dataDir });
    expect((await again.login(ada)).status).toBe(200);
    expect(sessionsIn(dataDir)).toBe(written + 1);
  });
});

describe("a login is written whole or not at all: nothing of it is there", () => {
  const guarded = { email: "guarded@example.com", password };
  const parts = [
    "UPDATE OF last_login_at ON users",
    "INSERT ON sessions",
    "INSERT ON audit_log",
    "INSERT ON outbox_events",
    "INSERT ON outbox_deliveries",
    "UPDATE ON two_factor",
    "DELETE ON login_failures",
  ];

  test("when one of its writes fails, whichever it is", async () => {
    const settings = { POSTERN_WEBHOOK_ALLOW_NETWORKS: "127.0.0.0/8" };
    const dataDir = await seededFolder([user("guarded", { twoFactorSecret: totpSecret })]);
    await importRecords(dataDir, [webhook("http://127.0.0.1:9/", "token")], undefined, settings);
    const clock = stoppedClock();
    const postern = await startInProcess({ dataDir, settings, clock });
    await postern.login({ ...guarded, password: "wrong password" });
    const state = () =>
      [
        "users",
        "sessions",
        "audit_log",
        "outbox_events",
        "outbox_deliveries",
        "two_factor",
        "login_failures",
      ].map((table) => rowsOf<Record<string, unknown>>(dataDir, `SELECT * FROM ${table}`));
    const before = state();
    const login = { ...guarded, twoFactorCode: authenticatorCode(totpSecret, clock.now()) };
    for (const part of parts) {
      damage(dataDir, `CREATE TRIGGER broken BEFORE ${part} BEGIN SELECT RAISE(ABORT, 'broken'); END`);
      const { status, body } = await postern.login(login);
      damage(dataDir, "DROP TRIGGER broken");
      expect([part, status, body["code"]]).toEqual([part, 500, "INTERNAL_ERROR"]);
      expect(state()).toEqual(before);
    }
    expect((await postern.login(login)).status).toBe(200);
  });
});
