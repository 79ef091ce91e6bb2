import { expect, test } from "bun:test";
import { connect } from "node:net";
import { startBinary } from "../support/postern.ts";
import { rawPost } from "../support/raw-http.ts";
import { password, seededFolder, user } from "../support/seed.ts";

// How long the server waits for its clients: in real time, for as long as it really takes.

const ada = { email: "ada@example.com", password };
const login = rawPost("/v3/accounts/login", JSON.stringify(ada)).toString();

/** How long a connection lives, in seconds, on which `write` is all that comes. */
function lifeOf(url: string, write: (send: (text: string) => void) => () => void): Promise<number> {
  const begun = performance.now();
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    const stop = write((text) => socket.write(text));
    socket.on("error", () => {});
    socket.on("close", () => {
      stop();
      resolve((performance.now() - begun) / 1_000);
    });
  });
}

/** Writes a text a byte every second. */
function drip(send: (text: string) => void, text: string): () => void {
  let written = 0;
  const timer = setInterval(() => send(text[written++] ?? ""), 1_000);
  return () => clearInterval(timer);
}

const once = (send: (text: string) => void, text: string) => {
  send(text);
  return () => {};
};

test("clients that are silent, stop half-way or drip are cut off, and others are served meanwhile", async () => {
  const postern = await startBinary({ dataDir: await seededFolder([user("ada")]) });
  const lives = Promise.all([
    lifeOf(postern.url, (send) => once(send, "")),
    lifeOf(postern.url, (send) => once(send, "POST /v3/accounts/login HTT")),
    lifeOf(postern.url, (send) => once(send, login.slice(0, -5))),
    lifeOf(postern.url, (send) => drip(send, login)),
  ]);
  expect((await postern.login(ada)).status).toBe(200);
  for (const life of await lives) expect(life).toBeLessThan(30);
});

test("a client that never sends the rest of its login holds a stop up by 8 s and no more", async () => {
  const postern = await startBinary({ dataDir: await seededFolder([user("ada")]) });
  void lifeOf(postern.url, (send) => once(send, login.slice(0, -5)));
  expect((await postern.get("/health")).status).toBe(200);
  const begun = performance.now();
  expect(await postern.end()).toBe(0);
  expect((performance.now() - begun) / 1_000).toBeWithin(7.5, 12);
});
