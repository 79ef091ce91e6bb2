import { beforeAll, describe, expect, test } from "bun:test";
import { version } from "../../package.json";
import { type StartedBinary, startBinary } from "../support/postern.ts";
import { command } from "../support/seed.ts";

let postern: StartedBinary;

beforeAll(async () => {
  postern = await startBinary();
});

describe("a server that is well", () => {
  test.each(["/health", "/health/ready", "/health/live"])("says so at %s, with its version", async (path) => {
    const response = await postern.get(path);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ status: "ok", version });
  });

  test("answers HEAD too, for load balancers", async () => {
    const response = await fetch(`${postern.url}/health`, { method: "HEAD" });
    expect([response.status, await response.text()]).toEqual([200, ""]);
  });

  test("takes no other method", async () => {
    const response = await fetch(`${postern.url}/health`, { method: "POST" });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  });

  test("is found well by its own command, which needs nothing but the folder's settings", async () => {
    const { port } = new URL(postern.url);
    const settings = { POSTERN_LISTEN: `127.0.0.1:${port}` };
    expect(await command(postern.dataDir, ["health"], { settings })).not.toBe("");
  });
});
