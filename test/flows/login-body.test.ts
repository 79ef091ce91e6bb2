import { beforeAll, describe, expect, test } from "bun:test";
import { type StartedBinary, startBinary } from "../support/postern.ts";
import { rawPost, sendRaw } from "../support/raw-http.ts";
import { password, seededFolder, user, userPool } from "../support/seed.ts";

const path = "/v3/accounts/login";
const ada = { email: "ada@example.com", password };
const json = JSON.stringify(ada);
const mostBytes = 64 * 1024;

let postern: StartedBinary;
const pool = userPool("body", 20);

beforeAll(async () => {
  const dataDir = await seededFolder([user("ada"), ...pool.names.map((name) => user(name))]);
  postern = await startBinary({ dataDir });
});

/** What a request was answered: status and, of an error, its code. */
async function outcomeOf(response: Response): Promise<string> {
  const body: unknown = await response.json();
  const code = typeof body === "object" && body !== null && "code" in body ? ` ${body.code}` : "";
  return `${response.status}${code}`;
}

const send = (init: RequestInit) => fetch(postern.url + path, { method: "POST", ...init }).then(outcomeOf);
const sendJson = (body: string | Uint8Array) =>
  send({ headers: { "content-type": "application/json" }, body: Buffer.from(body) });

describe("the media type of a login", () => {
  test.each([
    "application/json",
    "application/json; charset=utf-8",
    "application/json;charset=UTF-8",
    'application/json; charset="utf-8"',
    "Application/JSON",
    "APPLICATION/JSON ; CHARSET=utf-8",
    " application/json",
  ])("may be written %j", async (type) => {
    expect(await send({ headers: { "content-type": type }, body: json })).toBe("200");
  });

  test.each([
    "text/plain",
    "text/json",
    "application/jsonp",
    "application/json-patch+json",
    "application/vnd.api+json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/octet-stream",
    "text/plain; application/json",
    "text/plain, application/json",
    "json",
  ])("may not be %j", async (type) => {
    expect(await send({ headers: { "content-type": type }, body: json })).toBe("415 UNSUPPORTED_MEDIA_TYPE");
  });

  test("may not be missing", async () => {
    const request = rawPost(path, json).toString().replace("Content-Type: application/json\r\n", "");
    const { status, body } = await sendRaw(postern.url, [request]);
    expect([status, JSON.parse(body).code]).toEqual([415, "UNSUPPORTED_MEDIA_TYPE"]);
  });

  test("is asked for only where there is a body: without one, the properties are missing", async () => {
    for (const type of ["", "application/json", "application/x-www-form-urlencoded"]) {
      const headers: Record<string, string> = type === "" ? {} : { "content-type": type };
      expect(await send({ headers })).toBe("400 INVALID_REQUEST");
    }
  });

  test("keeps out what a form elsewhere could send, even where it reads as JSON", async () => {
    const form = new FormData();
    form.set("email", ada.email);
    form.set("password", password);
    expect(await send({ body: form })).toBe("415 UNSUPPORTED_MEDIA_TYPE");
    expect(await send({ body: new URLSearchParams(ada) })).toBe("415 UNSUPPORTED_MEDIA_TYPE");
    expect(await send({ headers: { "content-type": "text/plain" }, body: json })).toBe(
      "415 UNSUPPORTED_MEDIA_TYPE",
    );
  });
});

describe("a body of more than 64 KiB", () => {
  /** A login of so many bytes: spaces around JSON mean nothing. */
  const padded = (bytes: number) => json.padEnd(bytes, " ");

  test("is refused by its length, one of just that is not", async () => {
    expect(await sendJson(padded(mostBytes))).toBe("200");
    expect(await sendJson(padded(mostBytes + 1))).toBe("413 PAYLOAD_TOO_LARGE");
  });

  test("is refused as it comes, where no length is declared", async () => {
    const chunked = (bytes: number) => {
      const text = Buffer.from(padded(bytes));
      const half = text.length >> 1;
      return send({
        headers: { "content-type": "application/json" },
        body: new ReadableStream({
          start(controller) {
            controller.enqueue(text.subarray(0, half));
            controller.enqueue(text.subarray(half));
            controller.close();
          },
        }),
      });
    };
    expect(await chunked(mostBytes)).toBe("200");
    expect(await chunked(mostBytes + 1)).toBe("413 PAYLOAD_TOO_LARGE");
  });

  test("is answered with the contract's body and the end of the connection, before it was sent whole", async () => {
    const head = rawPost(path, "").toString().replace("Content-Length: 0", "Content-Length: 100000000");
    const { status, head: headers, body } = await sendRaw(postern.url, [head, "{"]);
    expect(status).toBe(413);
    expect(JSON.parse(body)).toEqual({ code: "PAYLOAD_TOO_LARGE", message: expect.any(String) });
    expect(headers.join("\n").toLowerCase()).toContain("connection: close");
  });
});

describe("a body that is no JSON object", () => {
  test.each([
    "",
    " ",
    "{",
    "}",
    '{"email":',
    "email=a",
    "'",
    "{'email':1}",
    "{a:1}",
    '{"a":1,}',
    "NaN",
    "\u0000",
    "//",
  ])("but %j is refused", async (body) => {
    expect(await sendJson(body)).toBe("400 INVALID_REQUEST");
  });

  test.each(["[]", '"text"', "1", "true", "null", "[{}]", `[${json}]`])("but %s is refused", async (body) => {
    expect(await sendJson(body)).toBe("400 INVALID_REQUEST");
  });

  test("is told of in the contract's form", async () => {
    const response = await postern.post(path, '{"password":"hunter2hunter2');
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({
      code: "INVALID_REQUEST",
      message: "The body is not JSON.",
      errors: [{ path: "", message: "The body is not JSON." }],
    });
  });
});

describe("a body that is unusual JSON", () => {
  test("may begin with a byte order mark", async () => {
    expect(await sendJson(`\uFEFF${json}`)).toBe("200");
  });

  test("may not be in another encoding than UTF-8", async () => {
    expect(await sendJson(Buffer.from(json, "utf16le"))).toBe("400 INVALID_REQUEST");
    const latin1 = JSON.stringify({ ...ada, password: "pässwörd" });
    expect(await sendJson(Buffer.from(latin1, "latin1"))).toBe("400 INVALID_REQUEST");
  });

  test.each([
    ["a lone continuation byte", [0x80]],
    ["an overlong slash", [0xc0, 0xaf]],
    ["a surrogate", [0xed, 0xa0, 0x80]],
    ["more than Unicode has", [0xf4, 0x90, 0x80, 0x80]],
    ["a character cut short", [0xe2, 0x82]],
  ])("may not hold %s", async (_, bytes) => {
    const [before, after] = ['{"email":"ada@example.com","password":"password', '"}'];
    const body = Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(after)]);
    expect(await sendJson(body)).toBe("400 INVALID_REQUEST");
  });

  test.each(["\\ud800", "\\udfff", "\\udc00\\ud800"])(
    "may not write half a character as %s",
    async (half) => {
      for (const property of ["email", "password", "accountId", "twoFactorCode"]) {
        const value =
          property === "twoFactorCode" ? `1234${half}5`.slice(0, 6 + half.length - 1) : `password${half}`;
        const body = json.replace("}", `,"${property}":"${value}"}`);
        expect(await sendJson(body)).toBe("400 INVALID_REQUEST");
      }
    },
  );

  test("may write whole characters by escapes", async () => {
    const escaped = [...password].map((letter) => `\\u00${letter.charCodeAt(0).toString(16)}`).join("");
    expect(await sendJson(`{"\\u0065mail":"ada@example.com","password":"${escaped}"}`)).toBe("200");
  });

  test("means the last of properties of one name", async () => {
    const email = pool.take();
    const twice = (first: string, second: string) =>
      `{"email":"${email}","password":"${first}","password":"${second}"}`;
    expect(await sendJson(twice("wrong password", password))).toBe("200");
    expect(await sendJson(twice(password, "wrong password"))).toBe("400 INVALID_CREDENTIALS");
  });

  test("may nest 32 levels, and no more", async () => {
    const nested = (levels: number) => json.replace("}", `,"x":${"[".repeat(levels)}${"]".repeat(levels)}}`);
    expect(await sendJson(nested(31))).toBe("200");
    expect(await sendJson(nested(32))).toBe("400 INVALID_REQUEST");
    expect(await sendJson(nested(30_000))).toBe("400 INVALID_REQUEST");
    expect(await sendJson(`{"email":${"[".repeat(60_000)}`)).toBe("400 INVALID_REQUEST");
    expect(await sendJson(json.replace("}", `,"x":"${"[".repeat(100)}\\""}`))).toBe("200");
  });

  test("may not smuggle properties in by a prototype", async () => {
    const missing = `{"email":"ada@example.com","__proto__":{"password":"${password}"}}`;
    expect(await sendJson(missing)).toBe("400 INVALID_REQUEST");
    const beside = json.replace(
      "}",
      ',"__proto__":{"twoFactorCode":"1"},"constructor":{"prototype":{"x":1}}}',
    );
    expect(await sendJson(beside)).toBe("200");
    expect(await sendJson(json)).toBe("200");
  });
});
