import { beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { atEnd, type StartedBinary, startBinary } from "../support/postern.ts";
import { rawPost, sendRaw } from "../support/raw-http.ts";
import { password, seededFolder, user } from "../support/seed.ts";

const path = "/v3/accounts/login";
const ada = { email: "ada@example.com", password };

let postern: StartedBinary;

beforeAll(async () => {
  postern = await startBinary({ dataDir: await seededFolder([user("ada")]) });
});

/** Memory that the program holds, in MiB. */
const residentMib = () =>
  Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${postern.pid}/status`, "utf8"))?.[1]) / 1_024;

function openSocket(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(postern.url).port), "127.0.0.1", () => resolve(socket));
    socket.on("error", reject);
    atEnd(() => {
      socket.destroy();
    });
  });
}

describe("others are served as ever while", () => {
  const served = async () => expect((await postern.login(ada)).status).toBe(200);

  test("two hundred clients send half a request and stop", async () => {
    const halves = [
      "POST /v3/acc",
      `POST ${path} HTTP/1.1\r\nHost: x`,
      `${rawPost(path, JSON.stringify(ada))}`.slice(0, -5),
    ];
    const sockets = await Promise.all(Array.from({ length: 200 }, openSocket));
    sockets.forEach((socket, index) => {
      socket.write(halves[index % halves.length] ?? "");
    });
    await served();
  });

  test("somebody sends 64 MiB in pieces, of which no more is kept than a request may have", async () => {
    const before = residentMib();
    const piece = Buffer.alloc(1024 * 1024, " ");
    const chunk = Buffer.concat([
      Buffer.from(`${piece.length.toString(16)}\r\n`),
      piece,
      Buffer.from("\r\n"),
    ]);
    const head = `POST ${path} HTTP/1.1\r\nHost: postern.test\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`;
    const { status, body } = await sendRaw(postern.url, [head, ...Array.from({ length: 64 }, () => chunk)]);
    expect([status, JSON.parse(body).code]).toEqual([413, "PAYLOAD_TOO_LARGE"]);
    await served();
    expect(residentMib() - before).toBeLessThan(64);
  });

  test("somebody nests a hundred requests as deeply as 64 KiB allow", async () => {
    const nested = `${"[".repeat(32_000)}${"]".repeat(32_000)}`;
    const answers = await Promise.all(Array.from({ length: 100 }, () => postern.post(path, nested)));
    for (const { status } of answers) expect(status).toBe(400);
    await served();
  });

  test("somebody sends ten thousand properties, or a fault in each of them", async () => {
    const properties = Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`p${index}`, index]));
    expect((await postern.post(path, { ...properties, ...ada })).status).toBe(200);
    const { status, text } = await postern.login({ ...properties, email: [], password: {} });
    expect(status).toBe(400);
    expect(text.length).toBeLessThan(1_000);
  });
});

describe("a request with headers beyond all measure", () => {
  test.each([
    ["one header of 64 KiB", [`x-huge: ${"x".repeat(65_536)}`]],
    ["ten thousand headers", Array.from({ length: 10_000 }, (_, index) => `x-${index}: ${index}`)],
    ["a user agent of 64 KiB", [`user-agent: ${"x".repeat(65_536)}`]],
  ])("(%s) is refused, and the server goes on", async (_, headers) => {
    const outcome = await sendRaw(postern.url, [rawPost(path, JSON.stringify(ada), headers)]).then(
      ({ status }) => status,
      () => "closed",
    );
    expect([400, 431, "closed"]).toContain(outcome);
    expect((await postern.login(ada)).status).toBe(200);
  });

  test("of a size that programs do send is served", async () => {
    const headers = [
      `cookie: ${"c".repeat(4_000)}`,
      ...Array.from({ length: 50 }, (_, index) => `x-${index}: ${index}`),
    ];
    const { status } = await sendRaw(postern.url, [rawPost(path, JSON.stringify(ada), headers)]);
    expect(status).toBe(200);
  });
});

describe("a request that two programs might read in two ways is refused", () => {
  const body = JSON.stringify(ada);
  const request = (...headers: string[]) =>
    [`POST ${path} HTTP/1.1`, ...headers, "Content-Type: application/json", "", body].join("\r\n");
  const length = `Content-Length: ${body.length}`;

  test.each([
    ["two lengths", request("Host: x.test", length, `Content-Length: ${body.length + 1}`)],
    ["a length and chunks", request("Host: x.test", length, "Transfer-Encoding: chunked")],
    ["a length that is no number", request("Host: x.test", "Content-Length: 0x10")],
    ["a negative length", request("Host: x.test", "Content-Length: -1")],
    ["no host", request(length)],
    ["a space before the colon", request("Host: x.test", `Content-Length : ${body.length}`)],
    ["no HTTP at all", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"],
  ])("for %s", async (_, text) => {
    const outcome = await sendRaw(postern.url, [text]).then(
      ({ status }) => status,
      () => "closed",
    );
    expect([400, 411, 413, 501, "closed"]).toContain(outcome);
    expect((await postern.get("/health")).status).toBe(200);
  });
});
