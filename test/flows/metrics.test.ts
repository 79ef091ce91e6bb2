import { expect, test } from "bun:test";
import { createServer } from "node:net";
import { startBinary } from "../support/postern.ts";
import { password, seededFolder, user } from "../support/seed.ts";

/** A port that was free a moment ago: the metrics' address is a setting, so the test must know it before the start. */
async function freePort(): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const server = createServer();
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    server.close(() => resolve(address !== null && typeof address === "object" ? address.port : 0));
  });
  return promise;
}

test("metrics are served on an address of their own, count logins by how they ended, and name nobody", async () => {
  const dataDir = await seededFolder([user("ada")]);
  const port = await freePort();
  const postern = await startBinary({ dataDir, settings: { POSTERN_METRICS_LISTEN: `127.0.0.1:${port}` } });
  await postern.login({ email: "ada@example.com", password });
  await postern.login({ email: "ada@example.com", password: "wrong password" });
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
  const text = await answer.text();
  expect(answer.status).toBe(200);
  expect(text).toContain('postern_logins_total{result="LOGGED_IN"} 1');
  expect(text).toContain('postern_logins_total{result="INVALID_CREDENTIALS"} 1');
  expect(text).toContain('postern_requests_total{method="POST",status="400"} 1');
  expect(text).toMatch(/^postern_hashing_queue\{state="bound"\} \d+$/m);
  expect(text).toMatch(/^postern_deliveries\{state="pending"\} 0$/m);
  expect(text).not.toContain("ada");
  expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(404);
  expect((await postern.get("/metrics")).status).toBe(404);
});
