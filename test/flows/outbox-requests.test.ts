import { afterEach, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../src/lib/clock.ts";
import {
  makeOutbound,
  OutboundError,
  type OutboundOptions,
  type OutboundRequest,
} from "../../src/lib/outbound.ts";
import { fakeClock } from "../support/fake-clock.ts";
import { type Behaviour, type Receiver, type ServerName, startReceiver } from "../support/receiver.ts";

const pem = (file: string) => readFileSync(join(import.meta.dir, "../support/certificates", file), "utf8");
const ca = pem("ca.pem");
const alpha = { name: "alpha.test", key: pem("alpha.key"), cert: pem("alpha.pem") };
const beta = { name: "beta.test", key: pem("beta.key"), cert: pem("beta.pem") };

const opened: Receiver[] = [];
afterEach(async () => {
  for (const receiver of opened.splice(0)) await receiver.close();
});

async function receiverOf(
  behaviour: Behaviour = { kind: "answer" },
  names?: ServerName[],
): Promise<Receiver> {
  const receiver = await startReceiver(names);
  receiver.behave(behaviour);
  opened.push(receiver);
  return receiver;
}

function outboundOf(given: Partial<OutboundOptions> = {}) {
  return makeOutbound({
    clock: systemClock,
    limit: 15_000,
    mostAnswerBytes: 4_096,
    resolve: async () => ["127.0.0.1"],
    ca,
    ...given,
  });
}

function requestTo(url: string, given: Partial<OutboundRequest> = {}): OutboundRequest {
  return {
    url: new URL(url),
    headers: { "Content-Type": "application/json", "Webhook-Id": "evt_1" },
    body: Buffer.from('{"name":"Ada ☃"}'),
    judge: () => undefined,
    signal: new AbortController().signal,
    ...given,
  };
}

/** Why a request had no answer. */
async function failureOf(answer: Promise<unknown>): Promise<OutboundError> {
  try {
    await answer;
  } catch (error) {
    if (error instanceof OutboundError) return error;
    throw error;
  }
  throw new Error("there was an answer");
}

describe("a request to a name", () => {
  test("goes to the address that was judged, with the name in Host, after one lookup", async () => {
    const receiver = await receiverOf();
    const looked: string[] = [];
    const judged: (readonly string[])[] = [];
    const outbound = outboundOf({
      // The second answer would lead elsewhere: nobody may ask for it.
      async resolve(host) {
        looked.push(host);
        return looked.length === 1 ? ["127.0.0.1"] : ["127.0.0.2"];
      },
    });
    const answer = await outbound.post(
      requestTo(`http://receiver.example:${receiver.port}/hook?key=1`, {
        judge: (_, addresses) => void judged.push(addresses),
      }),
    );
    expect(answer.status).toBe(200);
    expect(looked).toEqual(["receiver.example"]);
    expect(judged).toEqual([["127.0.0.1"]]);
    const request = await receiver.next();
    expect(request.method).toBe("POST");
    expect(request.path).toBe("/hook?key=1");
    expect(request.headers.get("host")).toBe(`receiver.example:${receiver.port}`);
    expect(request.headers.get("webhook-id")).toBe("evt_1");
    expect(request.body.toString()).toBe('{"name":"Ada ☃"}');
  });

  test("is never sent when the judge refuses what the name leads to: nobody is even connected to", async () => {
    const receiver = await receiverOf();
    const outbound = outboundOf({ resolve: async () => ["127.0.0.1", "10.0.0.1"] });
    const refused = await failureOf(
      outbound.post(requestTo(`http://rebinding.example:${receiver.port}/`, { judge: () => "No." })),
    );
    expect(refused).toMatchObject({ failure: "refused", message: "No." });
    expect(receiver.received).toEqual([]);
    expect(receiver.open()).toBe(0);
  });

  test("goes to the next address when one refuses the connection", async () => {
    const receiver = await receiverOf();
    const outbound = outboundOf({ resolve: async () => ["127.0.0.9", "127.0.0.1"] });
    expect((await outbound.post(requestTo(`http://a.example:${receiver.port}/`))).status).toBe(200);
  });

  test("fails with the resolver's reason when there is no such name", async () => {
    const missing = Object.assign(new Error("whatever"), { code: "DNS_ENOTFOUND" });
    const outbound = outboundOf({ resolve: () => Promise.reject(missing) });
    expect(await failureOf(outbound.post(requestTo("https://nowhere.example/secret-path")))).toMatchObject({
      failure: "unresolved",
      message: "The name nowhere.example cannot be resolved (ENOTFOUND).",
    });
  });

  test("is resolved by the machine's hosts file too", async () => {
    const receiver = await receiverOf();
    const { resolve: _, ...options } = {
      clock: systemClock,
      limit: 15_000,
      mostAnswerBytes: 4_096,
      resolve: 0,
    };
    const judged: string[] = [];
    await makeOutbound(options).post(
      requestTo(`http://localhost:${receiver.port}/`, {
        judge: (_, addresses) => void judged.push(...addresses),
      }),
    );
    expect(judged).toContain("127.0.0.1");
  });
});

test("a proxy that the environment names is ignored: it would connect where nobody judged", async () => {
  const [proxy, receiver] = [await receiverOf(), await receiverOf()];
  const former = process.env["HTTP_PROXY"];
  process.env["HTTP_PROXY"] = `http://127.0.0.1:${proxy.port}`;
  try {
    await fetch(receiver.url, { method: "POST" });
    expect(proxy.received).toHaveLength(1);
    await outboundOf().post(requestTo(receiver.url));
    expect(proxy.received).toHaveLength(1);
    expect(receiver.received).toHaveLength(1);
  } finally {
    if (former === undefined) delete process.env["HTTP_PROXY"];
    else process.env["HTTP_PROXY"] = former;
  }
});

describe("a request over TLS", () => {
  test("never uses a pooled connection of another name at the same address", async () => {
    const receiver = await receiverOf({ kind: "answer" }, [alpha, beta]);
    const outbound = outboundOf();
    const connections = async (host: string) => {
      await outbound.post(requestTo(`https://${host}:${receiver.port}/`));
      return (await receiver.next()).connection;
    };
    const ofAlpha = await connections("alpha.test");
    const ofBeta = await connections("beta.test");
    expect(ofBeta).not.toBe(ofAlpha);
    expect(await connections("alpha.test")).toBe(ofAlpha);
    expect(await connections("beta.test")).toBe(ofBeta);
  });

  test("checks the certificate against the name, though a pooled connection to that address is at hand", async () => {
    const receiver = await receiverOf({ kind: "answer" }, [alpha]);
    const outbound = outboundOf();
    for (let round = 0; round < 3; round += 1) {
      await outbound.post(requestTo(`https://alpha.test:${receiver.port}/`));
      const refused = await failureOf(outbound.post(requestTo(`https://beta.test:${receiver.port}/`)));
      expect(refused).toMatchObject({
        failure: "untrusted",
        message: "The certificate is for another name (ERR_TLS_CERT_ALTNAME_INVALID).",
      });
    }
    expect(receiver.received.map(({ headers }) => headers.get("host"))).toEqual(
      Array(3).fill(`alpha.test:${receiver.port}`),
    );
  });

  test("fails where the authority is unknown, or TLS is not spoken", async () => {
    const receiver = await receiverOf({ kind: "answer" }, [alpha]);
    const { ca: _, ...withoutAuthority } = { ca, resolve: async () => ["127.0.0.1"] };
    const outbound = makeOutbound({
      clock: systemClock,
      limit: 15_000,
      mostAnswerBytes: 4_096,
      ...withoutAuthority,
    });
    expect(await failureOf(outbound.post(requestTo(`https://alpha.test:${receiver.port}/`)))).toMatchObject({
      failure: "untrusted",
    });
    const plain = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("ok") });
    expect(await failureOf(outbound.post(requestTo(`https://alpha.test:${plain.port}/`)))).toMatchObject({
      failure: "untrusted",
      message: "The TLS handshake failed (EPROTO).",
    });
    await plain.stop(true);
  });
});

describe("an answer", () => {
  test("that redirects is an answer like any other: nobody follows it", async () => {
    const inner = await receiverOf();
    const receiver = await receiverOf({ kind: "answer", status: 307, headers: { location: inner.url } });
    const answer = await outboundOf().post(requestTo(receiver.url));
    expect(answer.status).toBe(307);
    expect(inner.received).toEqual([]);
  });

  test("is read up to its first 4 KiB: exactly so much, and no more", async () => {
    const body = (length: number) => ({ kind: "answer", status: 500, body: "y".repeat(length) }) as const;
    for (const length of [0, 1, 4_095, 4_096, 4_097, 100_000]) {
      const receiver = await receiverOf(body(length));
      const answer = await outboundOf().post(requestTo(receiver.url));
      expect(answer.start).toHaveLength(Math.min(length, 4_096));
    }
  });

  test("without end is dropped after its beginning, and its connection is closed", async () => {
    const receiver = await receiverOf({ kind: "endless" });
    const answer = await outboundOf().post(requestTo(receiver.url));
    expect(answer).toMatchObject({ status: 200 });
    expect(answer.start).toHaveLength(4_096);
    await receiver.allClosed();
  });

  test("that is compressed is not expanded", async () => {
    const receiver = await receiverOf({ kind: "gzip-bomb" });
    const before = process.memoryUsage.rss();
    const answer = await outboundOf().post(requestTo(receiver.url));
    expect(answer.start).toHaveLength(4_096);
    expect([...answer.start.subarray(0, 2)]).toEqual([0x1f, 0x8b]);
    expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 1024 * 1024);
  });

  test("that breaks off is none, and neither is silence followed by a closed connection", async () => {
    for (const kind of ["close-mid-answer", "close"] as const) {
      const receiver = await receiverOf({ kind });
      expect(await failureOf(outboundOf().post(requestTo(receiver.url)))).toMatchObject({
        failure: "broken",
        message: "The connection was closed before the answer was complete (ECONNRESET).",
      });
    }
  });
});

describe("the limit of 15 s", () => {
  /** Fails a request by letting 15 s pass once `begun` has happened; 14.999 s are not enough. */
  async function failAtLimit(url: string, given: Partial<OutboundOptions>, begun: Promise<unknown>) {
    const clock = fakeClock();
    const failure = failureOf(outboundOf({ clock, ...given }).post(requestTo(url)));
    let failed = false;
    void failure.then(() => {
      failed = true;
    });
    await begun;
    await clock.advance(14_999);
    expect(failed).toBe(false);
    await clock.advance(1);
    expect(await failure).toMatchObject({
      failure: "timed-out",
      message: "There was no whole answer within 15 s.",
    });
    expect(clock.pending()).toBe(0);
  }

  test("covers looking up a name whose servers stay silent", async () => {
    const asked = Promise.withResolvers<void>();
    const resolve = () => {
      asked.resolve();
      return new Promise<string[]>(() => {});
    };
    await failAtLimit("https://silent.example/", { resolve }, asked.promise);
  });

  test("covers waiting for an answer, and closes the connection", async () => {
    const receiver = await receiverOf({ kind: "never-answer" });
    await failAtLimit(receiver.url, {}, receiver.next());
    await receiver.allClosed();
  });

  test("covers reading an answer that comes a byte at a time", async () => {
    const receiver = await receiverOf({ kind: "drip" });
    await failAtLimit(receiver.url, {}, receiver.next());
    await receiver.allClosed();
  });
});

describe("a request that is given up", () => {
  test("ends at once, whether it waits for an answer or for a lookup, or has not begun", async () => {
    const receiver = await receiverOf({ kind: "never-answer" });
    const stop = new AbortController();
    const answer = failureOf(outboundOf().post(requestTo(receiver.url, { signal: stop.signal })));
    const lookup = failureOf(
      outboundOf({ resolve: () => new Promise(() => {}) }).post(
        requestTo("https://silent.example/", { signal: stop.signal }),
      ),
    );
    await receiver.next();
    stop.abort();
    expect(await answer).toMatchObject({ failure: "given-up" });
    expect(await lookup).toMatchObject({ failure: "given-up" });
    const late = outboundOf().post(requestTo(receiver.url, { signal: stop.signal }));
    expect(await failureOf(late)).toMatchObject({ failure: "given-up" });
    await receiver.allClosed();
    expect(receiver.received).toHaveLength(1);
  });
});

describe("why a request failed", () => {
  test("says what happened, and never where in the receiver it went", async () => {
    const unreachable = outboundOf({ resolve: async () => ["127.0.0.9"] });
    const refused = await failureOf(unreachable.post(requestTo("http://a.example:1/s3cret?key=s3cret")));
    expect(refused).toMatchObject({
      failure: "unreachable",
      message: "The connection was refused (ECONNREFUSED).",
    });
    const receiver = await receiverOf({
      kind: "answer",
      headers: { "x-long": "y".repeat(2_000_000) },
    });
    const broken = await failureOf(outboundOf().post(requestTo(`${receiver.url}/s3cret?key=s3cret`)));
    expect(broken.message).toBe("The connection failed (ResponseHeadersTooLarge).");
  });
});
