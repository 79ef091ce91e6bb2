import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { gzipSync } from "node:zlib";

/** A request as it came over the wire. */
export type Received = {
  method: string;
  path: string;
  headers: Headers;
  /** The raw bytes. */
  body: Buffer;
  /** Numbers the connection it came on, from 1. */
  connection: number;
};

/** How a receiver treats a request. */
export type Behaviour =
  | {
      kind: "answer";
      status?: number;
      headers?: Record<string, string>;
      body?: string | Uint8Array;
      /** The answer waits for this. */
      after?: Promise<unknown>;
    }
  /** Reads the request and says nothing. */
  | { kind: "never-answer" }
  /** Begins an answer and sends a byte of its body every 10 ms, without end. */
  | { kind: "drip" }
  /** Sends a body as fast as it is taken, without end. */
  | { kind: "endless" }
  /** A few kB that unpack to 64 MiB. */
  | { kind: "gzip-bomb"; status?: number }
  /** Closes the connection instead of answering, or in the middle of the answer. */
  | { kind: "close" }
  | { kind: "close-mid-answer" };

export type Receiver = {
  url: string;
  port: number;
  /** Everything that was received so far. */
  received: Received[];
  /** From now on. A function is asked for each request, with its number, from 1. */
  behave(behaviour: Behaviour | ((request: Received, number: number) => Behaviour)): void;
  /** The next request that no call of `next` has returned yet; waits for it. */
  next(): Promise<Received>;
  /** Connections that are open now. */
  open(): number;
  /** Resolves when no connection is open. */
  allClosed(): Promise<void>;
  close(): Promise<void>;
};

/** PEM texts of one name a server answers to. */
export type ServerName = { name: string; key: string; cert: string };

/**
 * A real receiver of webhooks on 127.0.0.1, which answers 200 until told otherwise. It speaks HTTP by hand, since no HTTP server
 * misbehaves on request. With `names`: over TLS, with the certificate of the name that is asked for.
 */
export async function startReceiver(names?: readonly ServerName[]): Promise<Receiver> {
  const received: Received[] = [];
  const sockets = new Set<Socket>();
  const waiting: ((request: Received) => void)[] = [];
  let taken = 0;
  let connections = 0;
  let behaviour: Parameters<Receiver["behave"]>[0] = { kind: "answer" };
  let closed = Promise.withResolvers<void>();

  function onRequest(socket: Socket, request: Received): void {
    received.push(request);
    const waiter = waiting.shift();
    if (waiter !== undefined) {
      taken += 1;
      waiter(request);
    }
    const own = typeof behaviour === "function" ? behaviour(request, received.length) : behaviour;
    void act(socket, own);
  }

  function onConnection(socket: Socket): void {
    connections += 1;
    const connection = connections;
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => {
      sockets.delete(socket);
      if (sockets.size === 0) {
        closed.resolve();
        closed = Promise.withResolvers();
      }
    });
    readRequests(socket, (request) => onRequest(socket, { ...request, connection }));
  }

  const server = names === undefined ? createServer(onConnection) : tlsServer(names, onConnection);
  const port = await listen(server);
  return {
    url: `${names === undefined ? "http" : "https"}://127.0.0.1:${port}/hook`,
    port,
    received,
    behave(given) {
      behaviour = given;
    },
    next() {
      const request = received[taken];
      if (request === undefined) return new Promise((resolve) => waiting.push(resolve));
      taken += 1;
      return Promise.resolve(request);
    },
    open: () => sockets.size,
    async allClosed() {
      while (sockets.size > 0) await closed.promise;
    },
    async close() {
      const ended = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await ended;
    },
  };
}

function tlsServer(names: readonly ServerName[], onConnection: (socket: Socket) => void): Server {
  const [first] = names;
  const server = createTlsServer({ key: first?.key ?? "", cert: first?.cert ?? "" }, onConnection);
  for (const { name, key, cert } of names) server.addContext(name, { key, cert });
  return server;
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
}

/** Cuts a connection's bytes into requests by their Content-Length. */
function readRequests(socket: Socket, onRequest: (request: Omit<Received, "connection">) => void): void {
  let bytes = Buffer.alloc(0);
  socket.on("data", (chunk) => {
    bytes = Buffer.concat([bytes, Buffer.from(chunk)]);
    for (;;) {
      const headEnd = bytes.indexOf("\r\n\r\n");
      if (headEnd < 0) return;
      const [requestLine = "", ...lines] = bytes.subarray(0, headEnd).toString("latin1").split("\r\n");
      const headers = new Headers(lines.map((line): [string, string] => splitHeader(line)));
      const bodyEnd = headEnd + 4 + Number(headers.get("content-length") ?? 0);
      if (bytes.length < bodyEnd) return;
      const body = bytes.subarray(headEnd + 4, bodyEnd);
      bytes = bytes.subarray(bodyEnd);
      const [method = "", path = ""] = requestLine.split(" ");
      onRequest({ method, path, headers, body });
    }
  });
}

function splitHeader(line: string): [string, string] {
  const colon = line.indexOf(":");
  return [line.slice(0, colon), line.slice(colon + 1).trim()];
}

async function act(socket: Socket, behaviour: Behaviour): Promise<void> {
  switch (behaviour.kind) {
    case "answer":
      await behaviour.after;
      return send(socket, behaviour.status ?? 200, behaviour.headers ?? {}, behaviour.body ?? "ok");
    case "never-answer":
      return;
    case "drip": {
      socket.write(head(200, { "content-length": "1000000" }));
      const timer = setInterval(() => socket.write("x"), 10);
      socket.on("close", () => clearInterval(timer));
      return;
    }
    case "endless": {
      socket.write(head(200, { "content-type": "text/plain" }));
      const chunk = Buffer.alloc(65_536, "x");
      const fill = () => {
        while (!socket.destroyed && socket.write(chunk));
      };
      socket.on("drain", fill);
      return fill();
    }
    case "gzip-bomb":
      return send(socket, behaviour.status ?? 200, { "content-encoding": "gzip" }, gzipBomb());
    case "close":
      socket.destroy();
      return;
    case "close-mid-answer":
      socket.write(`${head(200, { "content-length": "100" })}only this`);
      socket.end();
  }
}

function send(
  socket: Socket,
  status: number,
  headers: Record<string, string>,
  body: string | Uint8Array,
): void {
  const bytes = Buffer.from(body);
  socket.write(head(status, { "content-length": String(bytes.length), ...headers }));
  socket.write(bytes);
}

function head(status: number, headers: Record<string, string>): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} Whatever\r\n${lines.join("")}\r\n`;
}

let packed: Buffer | undefined;

function gzipBomb(): Buffer {
  packed ??= gzipSync(Buffer.alloc(64 * 1024 * 1024));
  return packed;
}
