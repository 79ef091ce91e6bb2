import { describe, expect, test } from "bun:test";
import { systemClock } from "../../src/lib/clock.ts";
import { startBinary } from "../support/postern.ts";
import { password, seededFolder, user } from "../support/seed.ts";

const patience = 10_000;

/** A server on a folder with one user, and a second one that was started on the same folder. */
async function startTwo() {
  const dataDir = await seededFolder([user("ada")]);
  const first = await startBinary({ dataDir });
  const begun = systemClock.monotonic();
  const second = startBinary({ dataDir });
  return { first, second, waited: () => systemClock.monotonic() - begun };
}

const login = { accountId: "", email: "ada@example.com", password };

describe("a second server on a data folder", () => {
  test("waits 10 s, then ends with 1 and says which process has it", async () => {
    const { first, second, waited } = await startTwo();
    const message = await second.then(
      () => "it started",
      (error: Error) => error.message,
    );
    expect(message).toStartWith("the server ended with 1:");
    expect(message).toContain(`Another server has this data folder (process ${first.pid}, since `);
    expect(waited()).toBeGreaterThan(patience);
    expect(waited()).toBeLessThan(patience + 3_000);
    expect((await first.login(login)).status).toBe(200);
    await first.end();
  }, 30_000);

  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    test(`takes over as soon as the first ended by ${signal}, with its users and sessions`, async () => {
      const { first, second, waited } = await startTwo();
      const { body } = await first.login(login);
      await first.end(signal);
      const successor = await second;
      expect(waited()).toBeLessThan(patience);
      const refreshed = await successor.post("/v3/accounts/refresh", { refreshToken: body["refreshToken"] });
      expect(refreshed.status).toBe(200);
      expect((await successor.login(login)).status).toBe(200);
      expect(await successor.end()).toBe(0);
    }, 30_000);
  }
});
