import { connect } from "node:net";

/** An answer as it came over the wire, header lines in their order and spelling. */
export type RawAnswer = { status: number; head: string[]; body: string };

/** Sends bytes as they are and reads until the other end closes or an answer of declared length is complete. */
export function sendRaw(url: string, chunks: readonly (string | Uint8Array)[]): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    let received = "";
    const settle = () => {
      const answer = readAnswer(received);
      if (answer === undefined) return false;
      resolve(answer);
      socket.destroy();
      return true;
    };
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => {
      received += text;
      settle();
    });
    socket.on("error", (error) => {
      // A server that refuses a body unread may reset the connection after its answer.
      if (!settle()) reject(error);
    });
    socket.on("close", () => {
      if (!settle()) reject(new Error(`no whole answer came, only ${JSON.stringify(received)}`));
    });
    for (const chunk of chunks) socket.write(chunk);
  });
}

function readAnswer(text: string): RawAnswer | undefined {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [statusLine = "", ...head] = text.slice(0, end).split("\r\n");
  const length = Number(/^content-length: (\d+)$/im.exec(head.join("\n"))?.[1] ?? 0);
  const body = text.slice(end + 4);
  if (body.length < length) return undefined;
  return {
    status: Number(statusLine.split(" ")[1]),
    head,
    body: Buffer.from(body.slice(0, length), "latin1").toString(),
  };
}

/** The text of a `POST` with a JSON body. */
export function rawPost(path: string, body: string | Uint8Array, headers: readonly string[] = []): Buffer {
  const bytes = Buffer.from(body);
  const lines = [
    `POST ${path} HTTP/1.1`,
    "Host: postern.test",
    "Content-Type: application/json",
    `Content-Length: ${bytes.length}`,
    ...headers,
  ];
  return Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`), bytes]);
}
