import { beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Validator } from "@seriousme/openapi-schema-validator";
import type { Locator, Page } from "playwright-core";
import { startChromium } from "../support/chromium.ts";
import { atEnd, type StartedBinary, startBinary } from "../support/postern.ts";

/** Starting a browser unpacks it first. */
const patience = 60_000;

let postern: StartedBinary;

beforeAll(async () => {
  postern = await startBinary();
}, patience);

describe("the page at /swagger", () => {
  /** A page, all that it asked for, and all that it complained of: a refusal by its Content-Security-Policy is a complaint. */
  async function openPage() {
    const browser = await startChromium();
    atEnd(() => browser.close());
    const page = await browser.newPage({ viewport: { width: 1280, height: 1000 } });
    const requests: string[] = [];
    const complaints: string[] = [];
    page.on("request", (request) => requests.push(request.url()));
    page.on("requestfailed", (request) => complaints.push(`no answer from ${request.url()}`));
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) complaints.push(message.text());
    });
    await page.goto(`${postern.url}/swagger`);
    return { page, requests, complaints };
  }

  /** Opens an operation and makes its call, as a person would. */
  async function execute(page: Page, operationId: string, body?: unknown): Promise<Locator> {
    const operation = page.locator(`[id$="-${operationId}"]`);
    await operation.locator(".opblock-summary-control").click();
    await operation.getByRole("button", { name: "Try it out" }).click();
    if (body !== undefined) await operation.locator("textarea").fill(JSON.stringify(body, null, 2));
    await operation.getByRole("button", { name: "Execute" }).click();
    return operation.locator(".live-responses-table .response");
  }

  const statusOf = async (answer: Locator) =>
    (await answer.locator(".response-col_status").textContent()) ?? "";
  const bodyOf = async (answer: Locator): Promise<unknown> =>
    JSON.parse(
      (await answer.locator(".response-col_description .highlight-code code").first().textContent()) ?? "",
    );

  test(
    "logs a user in with no network but loopback, and speaks for that user until it is left",
    async () => {
      const { page, requests, complaints } = await openPage();
      expect(await page.title()).toBe("Postern");

      const password = readFileSync(join(postern.dataDir, "initial-password"), "utf8").trim();
      const login = await execute(page, "login", { email: "admin@postern.local", password });
      expect(await statusOf(login)).toStartWith("200");
      expect(await bodyOf(login)).toEqual({
        accessToken: expect.stringMatching(/^eyJ/),
        refreshToken: expect.stringMatching(/^ptr_/),
      });
      const me = await execute(page, "me");
      expect(await statusOf(me)).toStartWith("200");
      expect(await bodyOf(me)).toMatchObject({ email: "admin@postern.local" });
      await page.screenshot({ path: join(tmpdir(), "postern-swagger.png"), fullPage: true });

      expect(complaints).toEqual([]);
      expect(requests.filter((url) => !url.startsWith(`${postern.url}/`))).toEqual([]);
      expect(await page.evaluate("localStorage.length + sessionStorage.length")).toBe(0);
      await page.goto(`${postern.url}/swagger`);
      expect(await statusOf(await execute(page, "me"))).toStartWith("401");
    },
    patience,
  );

  test("allows nothing from elsewhere, and may not be framed", async () => {
    const { status, headers } = await postern.get("/swagger");
    expect(status).toBe(200);
    expect(Object.fromEntries(headers)).toMatchObject({
      "content-type": "text/html; charset=utf-8",
      "content-security-policy":
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'",
      "x-content-type-options": "nosniff",
      "x-frame-options": "DENY",
      "referrer-policy": "no-referrer",
      "cache-control": "no-cache",
    });
  });

  test("names its files by their content, so that a browser may keep them for ever", async () => {
    const page = await (await postern.get("/swagger")).text();
    const files = [...page.matchAll(/(?:href|src)="(\/swagger\/assets\/[^"]+)"/g)].map(
      ([, path]) => path ?? "",
    );
    expect(files).toHaveLength(5);
    for (const file of files) {
      const { status, headers } = await postern.get(file);
      expect(status).toBe(200);
      expect(headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
      expect(headers.get("content-type")).toMatch(
        /^(text\/css|text\/javascript); charset=utf-8$|^image\/svg\+xml$/,
      );
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      const ofAnotherVersion = file.replace(/assets\/[^/]+/, "assets/0123456789abcdef");
      expect((await postern.get(ofAnotherVersion)).status).toBe(404);
    }
    const [first = ""] = files;
    expect((await postern.get(first.replace(/[^/]+$/, "package.json"))).status).toBe(404);
  });
});

describe("the document at /swagger/json", () => {
  type Operation = {
    operationId: string;
    tags: string[];
    summary: string;
    responses: Record<string, Answer>;
  };
  type Answer = { content: { "application/json": { examples?: Record<string, unknown> } } };
  type Document = { paths: Record<string, Record<string, Operation>>; tags: { name: string }[] };
  let document: Document;

  beforeAll(async () => {
    document = JSON.parse(await (await postern.get("/swagger/json")).text());
  });

  test("is valid OpenAPI 3.0.3", async () => {
    expect(await new Validator().validate(structuredClone(document))).toEqual({ valid: true });
  });

  test("describes the login with every failure of its contract", () => {
    const answers = document.paths["/v3/accounts/login"]?.["post"]?.responses ?? {};
    expect(Object.keys(answers)).toEqual(["200", "400", "404", "405", "413", "415", "429", "500", "503"]);
    const codesOf = (status: string) =>
      Object.keys(answers[status]?.content["application/json"].examples ?? {}).sort();
    expect(codesOf("400")).toEqual([
      "ACCOUNT_SUSPENDED",
      "INVALID_CREDENTIALS",
      "INVALID_REQUEST",
      "INVALID_TWO_FACTOR_CODE",
      "INVALID_TWO_FACTOR_RECOVERY_CODE",
      "MISSING_TWO_FACTOR_CODE",
      "TWO_FACTOR_ENROLMENT_REQUIRED",
      "USER_SUSPENDED",
    ]);
    expect(codesOf("404")).toEqual(["NOT_FOUND"]);
    expect(codesOf("405")).toEqual(["METHOD_NOT_ALLOWED"]);
    expect(codesOf("413")).toEqual(["PAYLOAD_TOO_LARGE"]);
    expect(codesOf("415")).toEqual(["UNSUPPORTED_MEDIA_TYPE"]);
    expect(codesOf("429")).toEqual(["LOGIN_TEMPORARILY_LOCKED", "TOO_MANY_REQUESTS"]);
    expect(codesOf("500")).toEqual(["INTERNAL_ERROR"]);
    expect(codesOf("503")).toEqual(["SERVER_BUSY"]);
  });

  test("names, summarises and groups every call, and says what each group is", () => {
    const operations = Object.values(document.paths).flatMap((item) => Object.values(item));
    const names = operations.map(({ operationId }) => operationId);
    expect(new Set(names).size).toBe(names.length);
    expect(operations.filter(({ summary }) => summary === undefined)).toEqual([]);
    const used = new Set(operations.flatMap(({ tags }) => tags));
    expect([...used].sort()).toEqual(document.tags.map(({ name }) => name).sort());
  });

  test("is asked for again only when it has changed", async () => {
    const entityTag = (await postern.get("/swagger/json")).headers.get("etag") ?? "";
    expect(entityTag).toMatch(/^"[0-9a-z]+"$/);
    const again = await postern.get("/swagger/json", { "if-none-match": entityTag });
    expect(again.status).toBe(304);
    expect(again.headers.get("cache-control")).toBe("no-cache");
    expect(await again.text()).toBe("");
    expect((await postern.get("/swagger/json", { "if-none-match": '"older"' })).status).toBe(200);
  });
});

test(
  "POSTERN_SWAGGER=off hides the page, its files and the document",
  async () => {
    const file = (await (await postern.get("/swagger")).text()).match(/\/swagger\/assets\/[^"]+/)?.[0] ?? "";
    const quiet = await startBinary({ settings: { POSTERN_SWAGGER: "off" } });
    for (const path of ["/swagger", "/swagger/json", file]) {
      const answer = await quiet.get(path);
      expect(answer.status).toBe(404);
      expect(await answer.json()).toMatchObject({ code: "NOT_FOUND" });
    }
  },
  patience,
);
