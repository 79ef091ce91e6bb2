import { beforeAll, describe, expect, test } from "bun:test";
import { type StartedBinary, startBinary } from "../support/postern.ts";
import { password, seededFolder, user } from "../support/seed.ts";

// Guesses for invented users cost a hash of the settings: one of these takes a tenth of a second or two. The seeded user's own hash is cheap.
const settings = {
  POSTERN_HASH_MEMORY_KIB: "65536",
  POSTERN_HASH_ITERATIONS: "2",
  POSTERN_HASH_CONCURRENCY: "1",
  POSTERN_HASH_QUEUE: "2",
};

let postern: StartedBinary;
let invented = 0;

beforeAll(async () => {
  postern = await startBinary({ dataDir: await seededFolder([user("ada")]), settings });
});

/** A login that costs a hash, of an identity that nobody tried before. */
function dearLogin(signal?: AbortSignal): Promise<Response> {
  invented += 1;
  return fetch(`${postern.url}/v3/accounts/login`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email: `ghost-${invented}@example.com`, password }),
    ...(signal && { signal }),
  });
}

describe("when more logins wait than the queue holds", () => {
  test("the next are answered 503 at once, with the time to come back, and those in the queue are served", async () => {
    const finished: number[] = [];
    const answers = await Promise.all(
      Array.from({ length: 12 }, async () => {
        const response = await dearLogin();
        finished.push(response.status);
        return response;
      }),
    );
    const refused = answers.filter(({ status }) => status === 503);
    // One runs and two wait; the first may not have begun when the others arrive.
    expect([9, 10]).toContain(refused.length);
    expect(finished.slice(0, refused.length)).toEqual(refused.map(() => 503));
    expect(finished.slice(refused.length)).toEqual(answers.slice(refused.length).map(() => 400));
    for (const response of refused) {
      expect(response.headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
      expect(response.headers.get("cache-control")).toBe("no-store");
      expect(await response.json()).toEqual({ code: "SERVER_BUSY", message: expect.any(String) });
    }
  });

  test("a user's right password is not a failure by it", async () => {
    const others = Array.from({ length: 6 }, () => dearLogin());
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => postern.login({ email: "ada@example.com", password })),
    );
    await Promise.all(others);
    for (const { status } of answers) expect([200, 503]).toContain(status);
    expect((await postern.login({ email: "ada@example.com", password })).status).toBe(200);
  });

  test("everything else is answered while the hash runs", async () => {
    const order: string[] = [];
    const logins = Array.from({ length: 3 }, () =>
      dearLogin().then(({ status }) => order.push(`login ${status}`)),
    );
    for (const path of ["/health", "/health/ready", "/.well-known/jwks.json"]) {
      expect((await postern.get(path)).status).toBe(200);
      order.push(path);
    }
    await Promise.all(logins);
    expect(order.indexOf("/.well-known/jwks.json")).toBeLessThan(order.indexOf("login 400"));
  });
});

test("clients that hang up leave the queue to others", async () => {
  const gone = new AbortController();
  const abandoned = Array.from({ length: 4 }, () =>
    dearLogin(gone.signal).then(
      ({ status }) => status,
      () => "gone",
    ),
  );
  // The queue is full as soon as one of them is refused.
  expect(await Promise.race(abandoned)).toBe(503);
  gone.abort();
  await postern.line(/"status":499/);
  const [first, second] = await Promise.all([dearLogin(), dearLogin()]);
  expect([first.status, second.status]).toEqual([400, 400]);
});
