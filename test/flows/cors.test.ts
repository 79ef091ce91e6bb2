import { beforeAll, describe, expect, test } from "bun:test";
import { type StartedBinary, startBinary } from "../support/postern.ts";
import { password, seededFolder, user } from "../support/seed.ts";

const path = "/v3/accounts/login";
const app = "https://app.example.com";
const ada = { email: "ada@example.com", password };

const preflight = (postern: StartedBinary, origin: string, on = path) =>
  fetch(postern.url + on, {
    method: "OPTIONS",
    headers: {
      origin,
      "access-control-request-method": "POST",
      "access-control-request-headers": "content-type",
    },
  });

const corsHeadersOf = (response: Response) =>
  Object.fromEntries([...response.headers].filter(([name]) => name.startsWith("access-control-")));

describe("with origins set, a page of", () => {
  let postern: StartedBinary;

  beforeAll(async () => {
    postern = await startBinary({
      dataDir: await seededFolder([user("ada")]),
      settings: { POSTERN_CORS_ORIGINS: `${app},http://localhost:3000` },
    });
  });

  test.each([app, "http://localhost:3000"])("%s may read answers, and errors as well", async (origin) => {
    const bodies = [ada, { ...ada, password: "wrong password" }, { email: 5 }];
    const answers = await Promise.all(bodies.map((body) => postern.post(path, body, { origin })));
    expect(answers.map(({ status }) => status)).toEqual([200, 400, 400]);
    const others = [
      await postern.post("/nowhere", {}, { origin }),
      await postern.get(path, { origin }),
      await postern.get("/v3/me", { origin }),
      await postern.post(path, "x", { origin, "content-type": "text/plain" }),
      await postern.post(path, " ".repeat(70_000), { origin }),
    ];
    for (const response of [...answers, ...others]) {
      expect(response.headers.get("access-control-allow-origin")).toBe(origin);
      expect(response.headers.get("access-control-expose-headers")).toBe("retry-after");
      expect(response.headers.get("vary")).toBe("Origin");
      expect(response.headers.has("access-control-allow-credentials")).toBe(false);
    }
  });

  test("such an origin is told beforehand what it may send", async () => {
    const response = await preflight(postern, app);
    expect(response.status).toBe(204);
    expect(await response.text()).toBe("");
    expect(response.headers.get("access-control-allow-origin")).toBe(app);
    expect(response.headers.get("access-control-allow-methods")).toBe("GET, POST, PATCH, DELETE");
    expect(response.headers.get("access-control-allow-headers")).toBe("authorization, content-type");
    expect(response.headers.get("access-control-max-age")).toBe("600");
    expect(response.headers.get("vary")).toBe("Origin");
  });

  test.each([
    "https://evil.example",
    "http://app.example.com",
    "https://app.example.com.evil.example",
    "https://app.example.com:444",
    "https://APP.example.com",
    "https://app.example.com/",
    "null",
    "",
  ])("%j may not, and caches keep the two apart", async (origin) => {
    for (const response of [await postern.post(path, ada, { origin }), await preflight(postern, origin)]) {
      expect(response.headers.has("access-control-allow-origin")).toBe(false);
      expect(response.headers.get("vary")).toBe("Origin");
    }
  });

  test("no origin at all is served as ever: clients that are no browser send none", async () => {
    const response = await postern.post(path, ada);
    expect(response.status).toBe(200);
    expect(response.headers.has("access-control-allow-origin")).toBe(false);
  });
});

describe("without origins set", () => {
  let postern: StartedBinary;

  beforeAll(async () => {
    postern = await startBinary({ dataDir: await seededFolder([user("ada")]) });
  });

  test("no page elsewhere may read an answer", async () => {
    const response = await postern.post(path, ada, { origin: app });
    expect(response.status).toBe(200);
    expect(corsHeadersOf(response)).toEqual({});
  });

  test("no preflight is answered", async () => {
    const response = await preflight(postern, app);
    expect(response.status).toBe(405);
    expect(corsHeadersOf(response)).toEqual({});
  });
});
