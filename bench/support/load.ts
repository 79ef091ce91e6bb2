/**
 * A load client, run as a process of its own so that its work is not counted as the server's. Raw HTTP/1.1 over kept connections: `fetch`
 * alone would take longer than what is measured. Reads one JSON line from standard input, writes one to standard output.
 */
export type LoadOrder = {
  port: number;
  seconds: number;
  /** Requests a second over all connections; null: each connection asks as fast as it is answered. */
  rate: number | null;
  connections: LoadConnection[];
};

/** `refresh` sends on each answer's refresh token; the others repeat themselves. */
export type LoadConnection =
  | { kind: "get"; path: string }
  | { kind: "post"; path: string; body: string }
  | { kind: "refresh"; token: string };

export type LoadReport = { answers: number; failures: number; seconds: number; p50: number; p99: number };

/** Runs a load in a process of its own and resolves with its report: durations in ms. */
export async function runLoad(order: LoadOrder): Promise<LoadReport> {
  const child = Bun.spawn([process.execPath, import.meta.path], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  child.stdin.write(JSON.stringify(order));
  await child.stdin.end();
  const report: LoadReport = JSON.parse(await new Response(child.stdout).text());
  await child.exited;
  return report;
}

function requestOf(connection: LoadConnection, token: string): string {
  const head = "Host: 127.0.0.1\r\nConnection: keep-alive\r\n";
  if (connection.kind === "get") return `GET ${connection.path} HTTP/1.1\r\n${head}\r\n`;
  const path = connection.kind === "post" ? connection.path : "/v3/accounts/refresh";
  const body = connection.kind === "post" ? connection.body : `{"refreshToken":"${token}"}`;
  return `POST ${path} HTTP/1.1\r\n${head}Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

async function work({ port, seconds, rate, connections }: LoadOrder): Promise<LoadReport> {
  const durations: number[] = [];
  let failures = 0;
  const begun = performance.now();
  const end = begun + seconds * 1_000;
  const pause = rate === null ? 0 : (connections.length / rate) * 1_000;
  await Promise.all(
    connections.map(async (connection, index) => {
      const ask = await connect(port);
      let token = connection.kind === "refresh" ? connection.token : "";
      // At a given rate each request has its appointed time: a slow answer does not excuse the next from being counted.
      for (let due = begun + (pause * index) / connections.length; ; due += pause) {
        if (pause > 0) await Bun.sleep(Math.max(0, due - performance.now()));
        const sent = performance.now();
        if (sent >= end) return;
        const { status, body } = await ask(requestOf(connection, token));
        durations.push(performance.now() - (pause > 0 ? Math.min(due, sent) : sent));
        if (status !== 200) failures += 1;
        else if (connection.kind === "refresh") token = /"refreshToken":"([^"]+)"/.exec(body)?.[1] ?? token;
      }
    }),
  );
  const elapsed = (performance.now() - begun) / 1_000;
  durations.sort((left, right) => left - right);
  const at = (share: number) => durations[Math.floor(durations.length * share)] ?? Number.NaN;
  return { answers: durations.length, failures, seconds: elapsed, p50: at(0.5), p99: at(0.99) };
}

type Answer = { status: number; body: string };

/** One connection that sends one request at a time and waits for the whole of its answer. */
async function connect(port: number): Promise<(request: string) => Promise<Answer>> {
  let received = "";
  let waiting = Promise.withResolvers<Answer>();
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data(_, chunk) {
        received += chunk.toString("latin1");
        const headEnd = received.indexOf("\r\n\r\n");
        if (headEnd < 0) return;
        const length = Number(/content-length: (\d+)/i.exec(received.slice(0, headEnd))?.[1] ?? 0);
        if (received.length < headEnd + 4 + length) return;
        const answer = { status: Number(received.slice(9, 12)), body: received.slice(headEnd + 4) };
        received = "";
        waiting.resolve(answer);
      },
      close: () => waiting.reject(new Error("the server closed a connection")),
    },
  });
  return (request) => {
    waiting = Promise.withResolvers();
    socket.write(request);
    return waiting.promise;
  };
}

if (import.meta.main) {
  process.stdout.write(JSON.stringify(await work(JSON.parse(await Bun.stdin.text()))));
  process.exit();
}
