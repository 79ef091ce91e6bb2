import { beforeAll, describe, expect, test } from "bun:test";
import { statSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { rowsOf } from "../support/database.ts";
import { call, type LoggedIn, logIn } from "../support/logged-in.ts";
import { atEnd, type StartedBinary, startBinary } from "../support/postern.ts";
import { rawPost } from "../support/raw-http.ts";
import { seededFolder, user } from "../support/seed.ts";
import { tokensOf } from "../support/tokens.ts";

const swallowed = 10;
const struck = 30;

/** The issuer stays, though each start takes another port. */
const settings = { POSTERN_PUBLIC_URL: "https://login.example.com" };

let dataDir = "";
let server: StartedBinary;

beforeAll(async () => {
  dataDir = await seededFolder([user("ada")]);
  server = await startBinary({ dataDir, settings });
});

const generationOf = ({ sessionId }: LoggedIn) =>
  rowsOf<{ generation: number; ended_at: number | null }>(
    dataDir,
    "SELECT generation, ended_at FROM sessions WHERE id = ?",
    sessionId,
  )[0];

const refresh = async (refreshToken: string) =>
  tokensOf(await server.post("/v3/accounts/refresh", { refreshToken }));

async function restart(): Promise<void> {
  server = await startBinary({ dataDir, settings });
}

/** Holds that the client goes on with the token it still has, by one family of tokens, and from there on. */
async function expectToGoOn(mine: LoggedIn): Promise<void> {
  const repeated = await refresh(mine.refreshToken);
  expect(generationOf(mine)).toEqual({ generation: 2, ended_at: null });
  expect((await refresh(mine.refreshToken)).refreshToken).toBe(repeated.refreshToken);
  const next = await refresh(repeated.refreshToken);
  expect((await call(server, "GET", "/v3/me", { token: next.accessToken })).status).toBe(200);
  expect(generationOf(mine)).toEqual({ generation: 3, ended_at: null });
}

/** A connection to the server on which nothing that comes back is read by a client: `onAnswer` learns of the first byte. */
async function askWithoutReading(refreshToken: string, onAnswer: () => void): Promise<Socket> {
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => {});
  socket.once("data", onAnswer);
  await new Promise<void>((resolve) => socket.once("connect", () => resolve()));
  socket.write(rawPost("/v3/accounts/refresh", JSON.stringify({ refreshToken })));
  return socket;
}

describe("a server that is killed after a refresh was committed and before its client has the answer", () => {
  test(`leaves the client its old token to go on with, ${swallowed} times of ${swallowed}`, async () => {
    for (let kill = 1; kill <= swallowed; kill += 1) {
      const mine = await logIn(server, "ada@example.com");
      const answered = Promise.withResolvers<void>();
      const proxy = await startSwallowingProxy(server, answered.resolve);
      const asked = fetch(`${proxy}/v3/accounts/refresh`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ refreshToken: mine.refreshToken }),
      });
      const lost = asked.then(
        () => "answered",
        () => "lost",
      );
      await answered.promise;
      await server.end("SIGKILL");
      expect(await lost).toBe("lost");
      // It was committed: the session is a generation ahead of what the client has.
      expect(generationOf(mine)).toEqual({ generation: 2, ended_at: null });
      await restart();
      await expectToGoOn(mine);
    }
  }, 120_000);
});

describe("a server that is killed the moment its log changes", () => {
  test(`has moved the session on or has not, and the client goes on either way, ${struck} times of ${struck}`, async () => {
    const seen = { committed: 0, answered: 0 };
    for (let kill = 1; kill <= struck; kill += 1) {
      const mine = await logIn(server, "ada@example.com");
      const log = join(dataDir, "postern.db-wal");
      const before = statSync(log, { bigint: true }).mtimeNs;
      let answered = false;
      const socket = await askWithoutReading(mine.refreshToken, () => {
        answered = true;
      });
      while (statSync(log, { bigint: true }).mtimeNs === before && !answered) await new Promise(setImmediate);
      await server.end("SIGKILL");
      socket.destroy();
      if (answered) seen.answered += 1;
      if (generationOf(mine)?.generation === 2) seen.committed += 1;
      await restart();
      await expectToGoOn(mine);
    }
    // Most kills fall between commit and answer; one at least must, or this showed nothing.
    expect(seen.committed).toBeGreaterThan(seen.answered);
  }, 180_000);
});

/** Passes requests on to the server, and keeps the answers: says when one has begun, and sends none of it. */
async function startSwallowingProxy(to: StartedBinary, onAnswer: () => void): Promise<string> {
  const { hostname, port } = new URL(to.url);
  const proxy = createServer((client) => {
    const onward = connect(Number(port), hostname);
    client.on("error", () => {});
    onward.on("error", () => {});
    client.pipe(onward);
    onward.once("data", onAnswer);
    onward.on("close", () => client.destroy());
  });
  atEnd(() => void proxy.close());
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", () => resolve()));
  const address = proxy.address();
  return `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
}
