import { beforeAll, describe, expect, test } from "bun:test";
import { rowsOf } from "../support/database.ts";
import { foreignHashes, passwordOfForeignHashes } from "../support/foreign-hashes.ts";
import { type StartedBinary, startBinary } from "../support/postern.ts";
import { password, seededFolder, user, userPool } from "../support/seed.ts";

/** Statuses of logins sent at once, and how many were answered with each. */
async function atOnce(postern: StartedBinary, bodies: readonly Record<string, unknown>[]) {
  const answers = await Promise.all(bodies.map((body) => postern.login(body)));
  const counts: Record<string, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return { answers, counts };
}

const fifty = (body: Record<string, unknown>) => Array.from({ length: 50 }, () => body);
const bcrypt = foreignHashes.filter((hash) => hash.startsWith("$2b$"))[0];

describe.each(["1", "2"])("with %s hashes at a time", (concurrency) => {
  const pool = userPool("crowd", 8);
  let postern: StartedBinary;

  beforeAll(async () => {
    const dataDir = await seededFolder([
      ...pool.names.map((name) => user(name)),
      user("foreign", { password: undefined, passwordHash: bcrypt }),
    ]);
    postern = await startBinary({ dataDir, settings: { POSTERN_HASH_CONCURRENCY: concurrency } });
  });

  const failuresOf = (email: string) =>
    rowsOf<{ action: string }>(
      postern.dataDir,
      `SELECT action FROM audit_log JOIN users ON users.id = audit_log.target_id
       WHERE email = ? AND action IN ('login.failed', 'login.locked') ORDER BY audit_log.id`,
      email,
    ).map(({ action }) => action);

  test("of fifty wrong guesses for one user at once five are verified, and the others find it locked", async () => {
    const email = pool.take();
    const { counts } = await atOnce(postern, fifty({ email, password: "wrong password" }));
    expect(counts).toEqual({ 400: 5, 429: 45 });
    expect(failuresOf(email)).toEqual([...Array(5).fill("login.failed"), "login.locked"]);
  });

  test("of fifty guesses for one invented user at once as many are", async () => {
    const { counts } = await atOnce(
      postern,
      fifty({ email: "ghost@example.com", password: "wrong password" }),
    );
    expect(counts).toEqual({ 400: 5, 429: 45 });
  });

  test("of fifty right logins of one user at once all succeed, each with a session of its own", async () => {
    const email = pool.take();
    const { answers, counts } = await atOnce(postern, fifty({ email, password }));
    expect(counts).toEqual({ 200: 50 });
    expect(new Set(answers.map(({ body }) => body["refreshToken"])).size).toBe(50);
  });

  test("of fifty right logins after four failures all succeed, one after the other at first", async () => {
    const email = pool.take();
    for (let failure = 0; failure < 4; failure += 1)
      await postern.login({ email, password: "wrong password" });
    expect((await atOnce(postern, fifty({ email, password }))).counts).toEqual({ 200: 50 });
  });

  test("of fifty right logins at once against a hash from elsewhere all succeed, while it is made anew", async () => {
    const email = "foreign@example.com";
    const body = { email, password: passwordOfForeignHashes };
    expect((await atOnce(postern, fifty(body))).counts).toEqual({ 200: 50 });
    expect((await postern.login(body)).status).toBe(200);
  });

  test("of right and wrong ones at once no right one is called wrong, and no more fail than a lock allows", async () => {
    const email = pool.take();
    const bodies = Array.from({ length: 50 }, (_, index) => ({
      email,
      password: index % 2 === 0 ? password : "wrong password",
    }));
    const { answers } = await atOnce(postern, bodies);
    const statusesOf = (parity: number) =>
      new Set(answers.filter((_, index) => index % 2 === parity).map(({ status }) => status));
    expect([...statusesOf(0)].every((status) => status === 200 || status === 429)).toBe(true);
    expect([...statusesOf(1)].every((status) => status === 400 || status === 429)).toBe(true);
    const told = answers.filter(({ status }) => status === 400).length;
    expect(failuresOf(email).filter((action) => action === "login.failed")).toHaveLength(told);
  });

  test("users do not stand in each other's way: ten wrong ones leave the next one's login alone", async () => {
    const [victim, other] = [pool.take(), pool.take()];
    const wrong = Array.from({ length: 10 }, () => ({ email: victim, password: "wrong password" }));
    const { answers } = await atOnce(postern, [...wrong, { email: other, password }]);
    expect(answers.at(-1)?.status).toBe(200);
  });
});
