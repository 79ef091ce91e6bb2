import { describe, expect, test } from "bun:test";
import { rowsOf } from "../support/database.ts";
import { startBinary } from "../support/postern.ts";
import { password, seededFolder, user } from "../support/seed.ts";

/** The addresses kept with the sessions, the audit entries and the log, for logins with these headers. */
async function addressesOf(forwarded: readonly string[], settings: Record<string, string>) {
  const postern = await startBinary({ dataDir: await seededFolder([user("ada")]), settings });
  for (const header of forwarded) {
    const headers = { "x-forwarded-for": header, forwarded: "for=192.0.2.1", "x-real-ip": "192.0.2.2" };
    const response = await postern.post(
      "/v3/accounts/login",
      { email: "ada@example.com", password },
      headers,
    );
    expect(response.status).toBe(200);
  }
  await postern.end();
  const kept = (query: string) =>
    rowsOf<{ address: string }>(postern.dataDir, query).map(({ address }) => address);
  const logged = postern
    .output()
    .split("\n")
    .filter((line) => line.includes('"message":"request"'))
    .map((line) => JSON.parse(line).address);
  const sessions = kept("SELECT address FROM sessions ORDER BY id");
  expect(kept("SELECT address FROM audit_log WHERE action = 'login.succeeded' ORDER BY id")).toEqual(
    sessions,
  );
  expect(logged).toEqual(sessions);
  return sessions;
}

describe("an address claimed in X-Forwarded-For", () => {
  test("is ignored when it comes from anywhere but a trusted proxy", async () => {
    const claimed = ["203.0.113.9", "10.0.0.1, 203.0.113.9"];
    expect(await addressesOf(claimed, {})).toEqual(["127.0.0.1", "127.0.0.1"]);
    expect(await addressesOf(claimed, { POSTERN_TRUSTED_PROXIES: "10.0.0.0/8" })).toEqual([
      "127.0.0.1",
      "127.0.0.1",
    ]);
  });

  test("is the client's when a trusted proxy says so, and only the one that the proxy itself saw", async () => {
    const settings = { POSTERN_TRUSTED_PROXIES: "127.0.0.0/8,10.0.0.0/8" };
    const claimed = [
      "203.0.113.9",
      "192.0.2.66, 203.0.113.9",
      "203.0.113.9, 10.1.1.1",
      "::ffff:203.0.113.9",
      "2001:DB8::0:1",
      "' OR 1=1 --",
    ];
    expect(await addressesOf(claimed, settings)).toEqual([
      "203.0.113.9",
      "203.0.113.9",
      "203.0.113.9",
      "203.0.113.9",
      "2001:db8::1",
      "127.0.0.1",
    ]);
  });
});
