import { beforeAll, describe, expect, test } from "bun:test";
import { runLoad } from "../../bench/support/load.ts";
import { residentMiB } from "../../bench/support/process.ts";
import { rowsOf } from "../support/database.ts";
import { type StartedBinary, startBinary } from "../support/postern.ts";
import { type RawAnswer, rawPost, sendRaw } from "../support/raw-http.ts";
import { password, seededFolder, user } from "../support/seed.ts";

/** What the program hashes with unless told otherwise. */
const realHashes = { POSTERN_HASH_MEMORY_KIB: "19456", POSTERN_HASH_ITERATIONS: "2" };

const loginPath = "/v3/accounts/login";
const emailOf = (number: number) => `user-${number}@example.com`;
const names = (count: number) => Array.from({ length: count }, (_, number) => `user-${number}`);

/** Starts the program with as many users, all with one password and one hash of the real cost. */
async function startWithUsers(count: number): Promise<StartedBinary> {
  const passwordHash = await Bun.password.hash(password, {
    algorithm: "argon2id",
    memoryCost: 19_456,
    timeCost: 2,
  });
  const lines = names(count).map((name) => user(name, { password: undefined, passwordHash }));
  return startBinary({ dataDir: await seededFolder(lines), settings: realHashes });
}

describe("when machines of many users start at once,", () => {
  for (const crowd of [200, 1_000]) {
    describe(`${crowd} logins in one moment`, () => {
      let postern: StartedBinary;
      let answers: RawAnswer[];
      let health: Awaited<ReturnType<typeof runLoad>>;

      beforeAll(async () => {
        postern = await startWithUsers(crowd);
        const asking = runLoad({
          port: Number(new URL(postern.url).port),
          seconds: 4,
          rate: 50,
          connections: [{ kind: "get", path: "/health" }],
        });
        answers = await Promise.all(
          names(crowd).map((_, number) => {
            const body = JSON.stringify({ email: emailOf(number), password });
            return sendRaw(postern.url, [rawPost(loginPath, body)]);
          }),
        );
        health = await asking;
      }, 60_000);

      const withStatus = (status: number) => answers.filter((answer) => answer.status === status);

      test("are answered 200, or 503 with the time to come back; and only the former are recorded", () => {
        const [served, refused] = [withStatus(200), withStatus(503)];
        expect(served.length + refused.length).toBe(crowd);
        for (const { head, body } of refused) {
          expect(head.join("\n")).toMatch(/^retry-after: [1-9]\d*$/im);
          expect(JSON.parse(body).code).toBe("SERVER_BUSY");
        }
        const [sessions] = rowsOf<{ count: number }>(
          postern.dataDir,
          "SELECT count(*) AS count FROM sessions",
        );
        expect(sessions?.count).toBe(served.length);
      });

      test("leave the server well: it answers about its health meanwhile, and serves the next login", async () => {
        expect(health.failures).toBe(0);
        expect(health.answers).toBeGreaterThan(0);
        expect((await postern.login({ email: emailOf(0), password })).status).toBe(200);
      });
    });
  }
});

describe("when somebody invents users without end,", () => {
  const invented = 105_000;
  const mostRemembered = 100_000 + 64;
  const workers = 32;
  let postern: StartedBinary;
  let memory: { early: number; late: number };

  beforeAll(async () => {
    postern = await startBinary({ dataDir: await seededFolder([user("ada")]) });
    for (let failure = 0; failure < 5; failure += 1) {
      await postern.login({ email: "ada@example.com", password: "a wrong password" });
    }
    /** Until it was looked at: a busy machine may say 503, and then nothing was counted. */
    const invent = async (email: string): Promise<void> => {
      const response = await postern.post(loginPath, { email, password });
      await response.arrayBuffer();
      if (response.status === 503) return invent(email);
      if (response.status !== 400) throw new Error(`an invented user was answered ${response.status}`);
    };
    let next = 0;
    const inventUntil = (end: number) =>
      Promise.all(
        Array.from({ length: workers }, async () => {
          while (next < end) {
            next += 1;
            await invent(`nobody-${next}@example.com`);
          }
        }),
      );
    await inventUntil(invented / 5);
    const early = residentMiB(postern.pid);
    await inventUntil(invented);
    memory = { early, late: residentMiB(postern.pid) };
  }, 280_000);

  test("memory does not grow with them", () => {
    expect(memory.late - memory.early).toBeLessThan(96);
  });

  test("the database remembers a bounded number of them", () => {
    const [rows] = rowsOf<{ count: number }>(
      postern.dataDir,
      "SELECT count(*) AS count FROM login_failures WHERE NOT known",
    );
    expect(rows?.count).toBeGreaterThan(90_000);
    expect(rows?.count).toBeLessThanOrEqual(mostRemembered);
  });

  test("a user who was locked before stays locked", async () => {
    expect((await postern.login({ email: "ada@example.com", password })).status).toBe(429);
  });
});
