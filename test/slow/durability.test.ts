import { beforeAll, describe, expect, test } from "bun:test";
import { atEnd, startBinary } from "../support/postern.ts";
import { importRecords, password, seededFolder, user, webhook } from "../support/seed.ts";

const kills = 50;
const names = Array.from({ length: kills }, (_, index) => `user-${index}`);
const token = "a-signing-token";

/** What the receiver was sent for one event: the bytes of each attempt, and the signature beside them. */
type Attempts = { email: string; bodies: string[]; signatures: string[] };

/** A port on which nothing listens until `open` is called. */
function futureReceiver() {
  const reserved = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const port = reserved.port;
  void reserved.stop(true);
  const events = new Map<string, Attempts>();
  let changed = Promise.withResolvers<void>();
  return {
    url: `http://127.0.0.1:${port}/hook`,
    events,
    /** Listens from now on: refuses each event the first time it sees it, and takes it the second time. */
    open() {
      const server = Bun.serve({
        ...(port !== undefined && { port }),
        hostname: "127.0.0.1",
        async fetch(request) {
          const body = await request.text();
          const id = request.headers.get("webhook-id") ?? "";
          const attempts: Attempts = events.get(id) ?? {
            email: JSON.parse(body).data.email,
            bodies: [],
            signatures: [],
          };
          attempts.bodies.push(body);
          attempts.signatures.push(request.headers.get("webhook-signature") ?? "");
          events.set(id, attempts);
          changed.resolve();
          changed = Promise.withResolvers();
          return new Response(null, { status: attempts.bodies.length === 1 ? 500 : 200 });
        },
      });
      atEnd(() => server.stop(true));
    },
    async until(done: () => boolean) {
      while (!done()) await changed.promise;
    },
  };
}

describe(`a server that is killed right after each of ${kills} logins was answered, while the receiver is down,`, () => {
  const receiver = futureReceiver();

  beforeAll(async () => {
    const settings = {
      POSTERN_WEBHOOK_ALLOW_NETWORKS: "127.0.0.0/8",
      // Steps short enough for a test, and as many as there may be: nothing is given up before the receiver is there.
      POSTERN_WEBHOOK_SCHEDULE: ["0s", ...Array.from({ length: 49 }, () => "1s")].join(","),
    };
    const dataDir = await seededFolder(names.map((name) => user(name)));
    await importRecords(dataDir, [webhook(receiver.url, token)], undefined, settings);
    for (const name of names) {
      const server = await startBinary({ dataDir, settings });
      const { status } = await server.post("/v3/accounts/login", {
        accountId: "",
        email: `${name}@example.com`,
        password,
      });
      await server.end("SIGKILL");
      expect(status).toBe(200);
    }
    receiver.open();
    await startBinary({ dataDir, settings });
    await receiver.until(
      () =>
        receiver.events.size >= kills &&
        [...receiver.events.values()].every(({ bodies }) => bodies.length >= 2),
    );
  }, 280_000);

  test("tells of every one of them once the receiver is up, by one event each", () => {
    const told = [...receiver.events.values()].map(({ email }) => email);
    expect(told.toSorted()).toEqual(names.map((name) => `${name}@example.com`).toSorted());
  });

  test("sends the same bytes and the same signature again where an attempt failed", () => {
    for (const { bodies, signatures } of receiver.events.values()) {
      expect(new Set(bodies).size).toBe(1);
      expect(new Set(signatures)).toEqual(
        new Set([new Bun.CryptoHasher("sha256", token).update(bodies[0] ?? "").digest("base64")]),
      );
    }
  });
});
