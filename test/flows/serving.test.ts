import { beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../src/lib/clock.ts";
import { type StartedBinary, startBinary, startInProcess, temporaryFolder } from "../support/postern.ts";
import { rawPost, sendRaw } from "../support/raw-http.ts";
import { refusalOf } from "../support/refusal.ts";
import { password, seededFolder, user } from "../support/seed.ts";

const ada = { email: "ada@example.com", password };

/** The lines of the log that tell of requests. */
const requestLines = (postern: StartedBinary) =>
  postern
    .output()
    .split("\n")
    .filter((line) => line.includes('"message":"request"'))
    .map((line) => JSON.parse(line));

describe("the log", () => {
  let postern: StartedBinary;

  beforeAll(async () => {
    postern = await startBinary({ dataDir: await seededFolder([user("ada")]) });
  });

  test("has one line for each request, with what an operator asks for and nothing of what was sent", async () => {
    const headers = { "user-agent": "Agent/1.0", cookie: "a=b" };
    await postern.post("/v3/accounts/login?debug=hunter2", { ...ada, password: "wrong password" }, headers);
    await postern.get("/nowhere/at/all");
    await postern.line(/nowhere/);
    const lines = requestLines(postern);
    expect(lines).toEqual(
      [
        { method: "POST", path: "/v3/accounts/login", status: 400 },
        { method: "GET", path: "/nowhere/at/all", status: 404 },
      ].map((line) => ({
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]{12}Z$/),
        level: "info",
        message: "request",
        ...line,
        durationMs: expect.any(Number),
        address: "127.0.0.1",
        requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      })),
    );
  });

  test("keeps no more than 256 characters of a path, and none of it begins a line", async () => {
    const before = requestLines(postern).length;
    await postern.get(`/%0a${"x".repeat(5_000)}`);
    await postern.line(/xxx/);
    const [line, ...others] = requestLines(postern).slice(before);
    expect(others).toEqual([]);
    expect(line.path).toBe(`/%0a${"x".repeat(252)}`);
  });
});

describe("requests that are written in unusual ways", () => {
  let postern: StartedBinary;

  beforeAll(async () => {
    postern = await startBinary({ dataDir: await seededFolder([user("ada")]) });
  });

  test.each(["x", "id", "sso", "a.b", "login.example.com", "[::1]", "127.0.0.1:1"])(
    "are answered under the host %s",
    async (host) => {
      const request = rawPost("/v3/accounts/login", JSON.stringify(ada)).toString();
      const { status } = await sendRaw(postern.url, [request.replace("postern.test", host)]);
      expect(status).toBe(200);
    },
  );

  test("are answered when they come in pieces", async () => {
    const bytes = rawPost("/v3/accounts/login", JSON.stringify(ada));
    const pieces = Array.from({ length: Math.ceil(bytes.length / 7) }, (_, index) =>
      bytes.subarray(index * 7, index * 7 + 7),
    );
    expect((await sendRaw(postern.url, pieces)).status).toBe(200);
  });

  test("are answered one after the other on one connection", async () => {
    for (const body of [ada, { ...ada, password: "wrong password" }, ada]) {
      const { status } = await postern.login(body);
      expect(status).toBe(body === ada ? 200 : 400);
    }
  });

  test("carry headers that no page may be framed, sniffed or followed by", async () => {
    for (const response of [await postern.get("/health"), await postern.get("/nowhere")]) {
      expect(response.headers.get("x-content-type-options")).toBe("nosniff");
      expect(response.headers.get("referrer-policy")).toBe("no-referrer");
      expect(response.headers.has("server")).toBe(false);
      expect(response.headers.has("x-powered-by")).toBe(false);
    }
  });
});

describe.each(["SIGTERM", "SIGINT"] as const)("on %s", (signal) => {
  test("a server answers the login that is in flight, takes no more, and exits 0", async () => {
    const dear = { POSTERN_HASH_MEMORY_KIB: "65536", POSTERN_HASH_ITERATIONS: "4" };
    const postern = await startBinary({ dataDir: await seededFolder([user("ada")]), settings: dear });
    const inFlight = postern.login({ email: "ghost@example.com", password });
    // Answered on another connection after the login had arrived: the hash is under way.
    expect((await postern.get("/health")).status).toBe(200);
    const [code, answer] = await Promise.all([postern.end(signal), inFlight]);
    expect(code).toBe(0);
    expect([answer.status, answer.body["code"]]).toEqual([400, "INVALID_CREDENTIALS"]);
    const messages = postern
      .output()
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line).message);
    expect(messages).toEqual(["listening", "request", "stopping", "request", "stopped"]);
    expect(await refusalOf(postern.get("/health"))).toBeInstanceOf(Error);
  });

  test("a server with nothing to do stops at once, though clients keep their connections", async () => {
    const postern = await startBinary({ dataDir: await seededFolder([user("ada")]) });
    expect((await postern.login(ada)).status).toBe(200);
    const begun = performance.now();
    expect(await postern.end(signal)).toBe(0);
    // Whoever is in flight is given 8 s: nobody is.
    expect(performance.now() - begun).toBeLessThan(4_000);
    expect(readdirSync(postern.dataDir)).not.toContain("postern.db-wal");
  });
});

describe("a data folder", () => {
  test("has one server: a second one waits 10 s, then says who has it", async () => {
    const first = await startBinary({ dataDir: await seededFolder([user("ada")]) });
    let passed = 0;
    // Seconds of waiting go by in no time.
    const hurried = {
      ...systemClock,
      monotonic: () => passed,
      after(delay: number, callback: () => void) {
        passed += delay;
        return systemClock.after(0, callback);
      },
    };
    const second = startInProcess({ dataDir: first.dataDir, clock: hurried });
    expect(String(await refusalOf(second))).toContain(`process ${first.pid}, since 20`);
    expect(passed).toBe(10_000);
    expect((await first.login(ada)).status).toBe(200);
  });

  test("is free as soon as its server was killed", async () => {
    const first = await startBinary({ dataDir: await seededFolder([user("ada")]) });
    await first.end("SIGKILL");
    const second = await startBinary({ dataDir: first.dataDir });
    expect((await second.login(ada)).status).toBe(200);
  });

  test("is its owner's alone, and so is every file in it", async () => {
    const postern = await startBinary();
    const modeOf = (path: string) => statSync(path).mode & 0o777;
    expect(modeOf(postern.dataDir)).toBe(0o700);
    const files = readdirSync(postern.dataDir);
    expect(files).toContain("secret.key");
    for (const file of files) expect([file, modeOf(join(postern.dataDir, file))]).toEqual([file, 0o600]);
  });
});

test("a server obeys nothing that lies in the folder it is started in, and leaves nothing there", async () => {
  const cwd = temporaryFolder();
  writeFileSync(join(cwd, ".env"), "POSTERN_CORS_ORIGINS=https://evil.example\nPOSTERN_LISTEN=nonsense\n");
  writeFileSync(join(cwd, "bunfig.toml"), 'preload = ["./planted.ts"]\n');
  writeFileSync(join(cwd, "planted.ts"), "process.exit(66);\n");
  const before = readdirSync(cwd).sort();
  const postern = await startBinary({ dataDir: await seededFolder([user("ada")]), cwd });
  const response = await postern.post("/v3/accounts/login", ada, { origin: "https://evil.example" });
  expect(response.status).toBe(200);
  expect(response.headers.has("access-control-allow-origin")).toBe(false);
  expect(await postern.end()).toBe(0);
  expect(readdirSync(cwd).sort()).toEqual(before);
});
