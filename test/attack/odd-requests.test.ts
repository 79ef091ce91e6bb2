import { expect, test } from "bun:test";
import { connect } from "node:net";
import { logIn } from "../support/logged-in.ts";
import { startBinary } from "../support/postern.ts";
import { rawPost, sendRaw } from "../support/raw-http.ts";
import { account, command, createAccount, password, seededFolder, user } from "../support/seed.ts";

const postern = await startBinary({ dataDir: await seededFolder([user("ada")]) });
const { port } = new URL(postern.url);
const ada = { email: "ada@example.com", password };

/** Sends bytes and closes without waiting; resolves when the other side has closed, too. */
function sendAndBreakOff(bytes: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const socket = connect(Number(port), "127.0.0.1", () => socket.end(bytes));
  socket.on("close", () => resolve());
  socket.on("error", () => resolve());
  socket.resume();
  return promise;
}

for (const host of ["1.2.3.4.5", "256.1.1.1", "a:99999", "xn--a", "a%zz", "%00", "id", "::1"]) {
  test(`a request under the host ${host} is answered like any other, and logged`, async () => {
    const answer = await sendRaw(postern.url, [
      `GET /health?host=${encodeURIComponent(host)} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
    ]);
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body)).toMatchObject({ status: "ok" });
  });
}

test("a request without a host (HTTP/1.0) finds its path, and no other path finds it", async () => {
  const ask = (path: string) => sendRaw(postern.url, [`GET ${path} HTTP/1.0\r\n\r\n`]);
  expect((await ask("/health")).status).toBe(200);
  expect((await ask("/.well-known/jwks.json")).status).toBe(200);
  expect((await ask("/elsewhere/health")).status).toBe(404);
});

test("a host that holds a path is refused, and moves no request", async () => {
  for (const host of ["x/health?", "x#", "x@y", "x\\y"]) {
    const answer = await sendRaw(postern.url, [
      `GET /nowhere HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
    ]);
    expect([host, answer.status]).toEqual([host, 400]);
    expect(answer.body).not.toContain("stack");
  }
});

test("a client that breaks off in its body, or garbles it, is no error of the server", async () => {
  const head = "POST /v3/accounts/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
  await sendAndBreakOff(`${head}Content-Length: 50\r\n\r\n{"em`);
  await sendAndBreakOff(`${head}Transfer-Encoding: chunked\r\n\r\n5\r\n{"em`);
  await sendAndBreakOff(`${head}Transfer-Encoding: chunked\r\n\r\nZZ\r\n{"em`);
  expect((await postern.get("/health")).status).toBe(200);
  expect(postern.output()).not.toContain('"status":500');
  expect(postern.output()).not.toContain("unforeseen");
});

test("a client that writes a body of 5 MB before it reads still reads that it was too large", async () => {
  const body = Buffer.alloc(5 * 1024 * 1024, "x");
  const answer = await sendRaw(postern.url, [rawPost("/v3/accounts/login", body)]);
  expect(answer.status).toBe(413);
  expect(JSON.parse(answer.body)).toMatchObject({ code: "PAYLOAD_TOO_LARGE" });
});

test("a body that is no object is no valid request, also where every property may be absent", async () => {
  const { accessToken } = await logIn(postern, ada.email);
  for (const [method, path] of [
    ["PATCH", "/v3/me"],
    ["POST", "/v3/accounts/logout"],
    ["POST", "/v3/accounts/refresh"],
    ["POST", "/v3/accounts/login"],
  ]) {
    for (const body of ["[]", '"x"', "5", "true", "null"]) {
      const response = await fetch(`${postern.url}${path}`, {
        method: method ?? "",
        headers: { "content-type": "application/json", authorization: `Bearer ${accessToken}` },
        body,
      });
      expect([path, body, response.status]).toEqual([path, body, 400]);
      expect(await response.json()).toMatchObject({
        code: "INVALID_REQUEST",
        message: "The body must be an object.",
      });
    }
  }
});

test("a preference of the wrong type is no valid request, and is named", async () => {
  const { accessToken } = await logIn(postern, ada.email);
  const patch = (emailPreference: unknown) =>
    fetch(`${postern.url}/v3/me`, {
      method: "PATCH",
      headers: { "content-type": "application/json", authorization: `Bearer ${accessToken}` },
      body: JSON.stringify({ emailPreference }),
    });
  for (const wrong of [5, "x", [], true, { metrics: "no" }, { metrics: 1 }]) {
    const response = await patch(wrong);
    expect([wrong, response.status]).toEqual([wrong, 400]);
    expect(await response.json()).toMatchObject({ errors: [{ path: "/emailPreference" }] });
  }
  for (const right of [null, {}, { metrics: null }, { metrics: false }, { metrics: true, other: 1 }]) {
    expect([right, (await patch(right)).status]).toEqual([right, 200]);
  }
});

test("the login call that the first start prints works beside a second account, too", async () => {
  const first = await startBinary();
  await createAccount(first.dataDir, account);
  const call = (await first.line(/curl/)).trim();
  const shell = Bun.spawn(["sh", "-c", call], { stdout: "pipe", stderr: "inherit" });
  expect(JSON.parse(await new Response(shell.stdout).text())).toMatchObject({
    accessToken: expect.any(String),
  });
  expect(await command(first.dataDir, ["account", "list", "--json"])).toContain(account.id);
});

const hosts = ["api", "a", "postern.test"];
const sizes = [65_537, 1_000_000, 5_000_000];

for (const host of hosts) {
  for (const size of sizes) {
    test(`a chunked body of ${size} bytes under the host ${host} is too large`, async () => {
      const head = `POST /v3/accounts/login HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`;
      const chunk = `${size.toString(16)}\r\n${"x".repeat(size)}\r\n`;
      const answer = await sendRaw(postern.url, [`${head}${chunk}0\r\n\r\n`]);
      expect(answer.status).toBe(413);
    }, 10_000);
  }
}

test("each request that was too large has its line in the log", async () => {
  expect(await postern.end()).toBe(0);
  const withLength = 1;
  expect(postern.output().split('"status":413').length - 1).toBe(withLength + hosts.length * sizes.length);
});
