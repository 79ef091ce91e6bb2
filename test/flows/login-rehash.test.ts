import { beforeAll, describe, expect, test } from "bun:test";
import { damage, rowsOf } from "../support/database.ts";
import { foreignHashes, longBcrypt, passwordOfForeignHashes } from "../support/foreign-hashes.ts";
import {
  type StartedBinary,
  type StartedInProcess,
  startBinary,
  startInProcess,
} from "../support/postern.ts";
import { password, seededFolder, user } from "../support/seed.ts";

/** How hashes of these settings begin. */
const wanted = "$argon2id$v=19$m=128,t=2,p=1$";
const settings = { POSTERN_HASH_MEMORY_KIB: "128", POSTERN_HASH_ITERATIONS: "2" };

const hashOf = (dataDir: string, email: string): string =>
  rowsOf<{ hash: string }>(dataDir, "SELECT password_hash AS hash FROM users WHERE email = ?", email)[0]
    ?.hash ?? "";

/** Waits until a user's stored hash is no longer `former`: it is replaced after the answer, so no answer tells when. */
async function replaced(dataDir: string, email: string, former: string): Promise<string> {
  for (;;) {
    const hash = hashOf(dataDir, email);
    if (hash !== former) return hash;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe("a hash from elsewhere", () => {
  let postern: StartedBinary;

  beforeAll(async () => {
    const imported = (name: string, passwordHash: string) =>
      user(name, { password: undefined, passwordHash });
    const dataDir = await seededFolder([
      ...foreignHashes.map((hash, index) => imported(`foreign-${index}`, hash)),
      imported("long", longBcrypt.hash),
      user("own"),
    ]);
    postern = await startBinary({ dataDir, settings });
  });

  test.each(foreignHashes.map((hash, index): [string, number] => [hash, index]))(
    "%s lets its user in, and is replaced by one of the settings",
    async (hash, index) => {
      const email = `foreign-${index}@example.com`;
      const wrong = await postern.login({ email, password: "password-two" });
      expect(wrong.body["code"]).toBe("INVALID_CREDENTIALS");
      expect(hashOf(postern.dataDir, email)).toBe(hash);
      const login = { email, password: passwordOfForeignHashes };
      expect((await postern.login(login)).status).toBe(200);
      const better = await replaced(postern.dataDir, email, hash);
      expect(better).toStartWith(wanted);
      expect((await postern.login(login)).status).toBe(200);
      expect((await postern.login({ email, password: "password-two" })).status).toBe(400);
      expect(hashOf(postern.dataDir, email)).toBe(better);
    },
  );

  test("of a password beyond bcrypt's 72 bytes is replaced by one of the whole password", async () => {
    const email = "long@example.com";
    // All that bcrypt ever saw: it lets in now, and never again.
    const cut = { email, password: longBcrypt.password.slice(0, 72) };
    expect((await postern.login({ email, password: longBcrypt.password })).status).toBe(200);
    expect(await replaced(postern.dataDir, email, longBcrypt.hash)).toStartWith(wanted);
    expect((await postern.login(cut)).status).toBe(400);
    expect((await postern.login({ email, password: longBcrypt.password })).status).toBe(200);
  });

  test("made by other settings of this program is replaced too", async () => {
    const email = "own@example.com";
    const former = hashOf(postern.dataDir, email);
    expect(former).not.toStartWith(wanted);
    expect((await postern.login({ email, password })).status).toBe(200);
    expect(await replaced(postern.dataDir, email, former)).toStartWith(wanted);
  });

  test("is replaced without ending a session or telling anybody", async () => {
    const actions = rowsOf<{ action: string }>(
      postern.dataDir,
      "SELECT DISTINCT action FROM audit_log WHERE actor = 'user' ORDER BY action",
    );
    expect(actions.map(({ action }) => action)).toEqual(["login.failed", "login.succeeded"]);
    expect(rowsOf(postern.dataDir, "SELECT id FROM sessions WHERE ended_at IS NOT NULL")).toEqual([]);
  });
});

describe("a hash is not replaced", () => {
  test("when the password was changed meanwhile", async () => {
    const former = foreignHashes.find((hash) => hash.startsWith("$2b$")) ?? "";
    const dataDir = await seededFolder([user("ada", { password: undefined, passwordHash: former })]);
    // Dear settings: the new hash takes long enough for somebody to be faster.
    const dear = { POSTERN_HASH_MEMORY_KIB: "65536", POSTERN_HASH_ITERATIONS: "3" };
    const postern: StartedInProcess = await startInProcess({ dataDir, settings: dear });
    const email = "ada@example.com";
    expect((await postern.login({ email, password: passwordOfForeignHashes })).status).toBe(200);
    const changed = "$argon2id$v=19$m=64,t=1,p=1$changed";
    damage(
      dataDir,
      "UPDATE users SET password_hash = ?, password_version = 2 WHERE email = ?",
      changed,
      email,
    );
    await postern.server.stop();
    expect(hashOf(dataDir, email)).toBe(changed);
  });
});

describe("a stored hash with absurd parameters", () => {
  test.each([
    [
      "4 GiB of memory",
      "$argon2id$v=19$m=4194304,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$bMQEeu9zRTyjjBaluobdXbqdlG97xAH+4ZC4hItLZjg",
    ],
    [
      "a billion passes",
      "$argon2id$v=19$m=64,t=1000000000,p=1$c2FsdHNhbHRzYWx0c2FsdA$bMQEeu9zRTyjjBaluobdXbqdlG97xAH+4ZC4hItLZjg",
    ],
    ["bcrypt's cost 31", "$2b$31$lmGNfB4Z0UfIsVNEHQo2F.f96VcYoflaQp7fol0eZ7iLUryroOujm"],
  ])("(%s) is refused as a wrong password, holds nobody up, and is told of in the log", async (_, hash) => {
    const postern = await startInProcess({ dataDir: await seededFolder([user("ada"), user("bob")]) });
    damage(postern.dataDir, "UPDATE users SET password_hash = ? WHERE email = 'ada@example.com'", hash);
    // As many at once as hashes run: held threads would leave none for Bob.
    const absurd = Array.from({ length: 2 }, () => postern.login({ email: "ada@example.com", password }));
    const bob = await postern.login({ email: "bob@example.com", password });
    expect(bob.status).toBe(200);
    for (const { body } of await Promise.all(absurd)) expect(body["code"]).toBe("INVALID_CREDENTIALS");
    expect(postern.logged.join("")).toContain("a stored password hash cannot be used");
    expect(postern.logged.join("")).not.toContain(hash);
  });
});
