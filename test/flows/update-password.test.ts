import { beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { rowsOf } from "../support/database.ts";
import { type LoggedIn, logIn, outcomeOf } from "../support/logged-in.ts";
import { type StartedInProcess, startBinary, startInProcess } from "../support/postern.ts";
import { account, command, password, seededFolder, user, userPool } from "../support/seed.ts";
import { stoppedClock } from "../support/stopped-clock.ts";

const clock = stoppedClock();
const pool = userPool("renewer", 40);
const next = "a quite different pass phrase";

let postern: StartedInProcess;

beforeAll(async () => {
  postern = await startInProcess({
    dataDir: await seededFolder(pool.names.map((name) => user(name))),
    clock,
  });
});

const update = (who: LoggedIn, body: unknown, path = "/v3/me/update-password") =>
  who.call("POST", path, body);

const tryLogin = async (email: string, secret: string) =>
  outcomeOf(await postern.post("/v3/accounts/login", { accountId: account.id, email, password: secret }));

const refresh = async ({ refreshToken }: LoggedIn) =>
  outcomeOf(await postern.post("/v3/accounts/refresh", { refreshToken }));

describe.each([
  ["POST /v3/me/update-password", () => "/v3/me/update-password"],
  ["POST /v3/users/{id}/update-password", (who: LoggedIn) => `/v3/users/${who.userId}/update-password`],
])("%s", (_, pathOf) => {
  test("changes the password and ends all other sessions, while the one that asks goes on", async () => {
    const mine = await logIn(postern, pool.take());
    const other = await logIn(postern, mine.email);
    const response = await update(mine, { oldPassword: password, newPassword: next }, pathOf(mine));
    expect([response.status, await response.text()]).toEqual([204, ""]);
    expect(await tryLogin(mine.email, next)).toBe("200");
    expect(await tryLogin(mine.email, password)).toBe("400 INVALID_CREDENTIALS");
    expect(await outcomeOf(await other.call("GET", "/v3/me"))).toBe("401 UNAUTHENTICATED");
    expect(await refresh(other)).toBe("400 INVALID_REFRESH_TOKEN");
    expect(await outcomeOf(await mine.call("GET", "/v3/me"))).toBe("200");
    expect(await refresh(mine)).toBe("200");
  });

  test("with a wrong old password changes nothing and ends no session", async () => {
    const mine = await logIn(postern, pool.take());
    const other = await logIn(postern, mine.email);
    const body = { oldPassword: "a wrong password", newPassword: next };
    expect(await outcomeOf(await update(mine, body, pathOf(mine)))).toBe("400 INVALID_CREDENTIALS");
    expect(await tryLogin(mine.email, password)).toBe("200");
    expect(await refresh(other)).toBe("200");
  });
});

test("another user's id is forbidden, whether there is one or not, and its password stays", async () => {
  const [mine, other] = [await logIn(postern, pool.take()), await logIn(postern, pool.take())];
  for (const id of [other.userId, "nobody"]) {
    const body = { oldPassword: password, newPassword: next };
    expect(await outcomeOf(await update(mine, body, `/v3/users/${id}/update-password`))).toBe(
      "403 FORBIDDEN",
    );
  }
  expect(await tryLogin(other.email, password)).toBe("200");
});

describe("a change of password", () => {
  test("is recorded without either password, with where it came from", async () => {
    const mine = await logIn(postern, pool.take());
    await update(mine, { oldPassword: password, newPassword: next });
    const entries = rowsOf<Record<string, unknown>>(
      postern.dataDir,
      "SELECT * FROM audit_log WHERE target_id = ? AND action = 'user.password-changed'",
      mine.userId,
    );
    expect(entries).toEqual([
      expect.objectContaining({ actor: "user", address: "127.0.0.1", details: "{}" }),
    ]);
  });

  test("of which two are made at once with one old password succeeds once", async () => {
    const mine = await logIn(postern, pool.take());
    const answers = await Promise.all(
      ["the first new pass phrase", "the second new pass phrase"].map(async (newPassword) => ({
        newPassword,
        outcome: await outcomeOf(await update(mine, { oldPassword: password, newPassword })),
      })),
    );
    expect(answers.map(({ outcome }) => outcome).toSorted()).toEqual(["204", "400 INVALID_CREDENTIALS"]);
    for (const { newPassword, outcome } of answers) {
      expect(await tryLogin(mine.email, newPassword)).toBe(
        outcome === "204" ? "200" : "400 INVALID_CREDENTIALS",
      );
    }
  });

  test("leaves no session that a login with the old password made meanwhile", async () => {
    const mine = await logIn(postern, pool.take());
    const logins = Promise.all(
      Array.from({ length: 10 }, () =>
        postern.post("/v3/accounts/login", { accountId: account.id, email: mine.email, password }),
      ),
    );
    const [changed] = await Promise.all([update(mine, { oldPassword: password, newPassword: next }), logins]);
    expect(changed.status).toBe(204);
    const left = await (await mine.call("GET", "/v3/me/sessions")).json();
    expect(left).toEqual([expect.objectContaining({ id: mine.sessionId })]);
  });
});

describe("a wrong old password", () => {
  const wrong = { oldPassword: "a wrong password", newPassword: next };

  test("counts in the lock of the login: five lock both, and the right one too", async () => {
    const mine = await logIn(postern, pool.take());
    for (let time = 1; time <= 5; time += 1) {
      expect(await outcomeOf(await update(mine, wrong))).toBe("400 INVALID_CREDENTIALS");
    }
    const locked = await update(mine, { ...wrong, oldPassword: password });
    expect(locked.headers.get("retry-after")).toBe("300");
    expect(await outcomeOf(locked)).toBe("429 LOGIN_TEMPORARILY_LOCKED");
    expect(await tryLogin(mine.email, password)).toBe("429 LOGIN_TEMPORARILY_LOCKED");
    // The session itself goes on: nobody is thrown out by somebody else's guesses.
    expect(await refresh(mine)).toBe("200");
  });

  test("is refused untried after five wrong logins, and both kinds add up", async () => {
    const [byLogins, byBoth] = [await logIn(postern, pool.take()), await logIn(postern, pool.take())];
    for (let time = 1; time <= 5; time += 1) await tryLogin(byLogins.email, "a wrong password");
    const body = { oldPassword: password, newPassword: next };
    expect(await outcomeOf(await update(byLogins, body))).toBe("429 LOGIN_TEMPORARILY_LOCKED");

    for (let time = 1; time <= 3; time += 1) await tryLogin(byBoth.email, "a wrong password");
    for (let time = 1; time <= 2; time += 1) await update(byBoth, wrong);
    expect(await outcomeOf(await update(byBoth, body))).toBe("429 LOGIN_TEMPORARILY_LOCKED");
    expect(await tryLogin(byBoth.email, password)).toBe("429 LOGIN_TEMPORARILY_LOCKED");
  });

  test("of fifty at once is tried five times", async () => {
    const mine = await logIn(postern, pool.take());
    const answers = await Promise.all(
      Array.from({ length: 50 }, async () => outcomeOf(await update(mine, wrong))),
    );
    const tried = answers.filter((answer) => answer === "400 INVALID_CREDENTIALS");
    expect(tried).toHaveLength(5);
    expect(answers.filter((answer) => answer === "429 LOGIN_TEMPORARILY_LOCKED")).toHaveLength(45);
  });

  test("is not forgiven for a right one: only a login clears the count", async () => {
    const mine = await logIn(postern, pool.take());
    for (let time = 1; time <= 4; time += 1) await update(mine, wrong);
    const weak = { oldPassword: password, newPassword: "short" };
    expect(await outcomeOf(await update(mine, weak))).toBe("400 WEAK_PASSWORD");
    expect(await outcomeOf(await update(mine, wrong))).toBe("400 INVALID_CREDENTIALS");
    expect(await outcomeOf(await update(mine, wrong))).toBe("429 LOGIN_TEMPORARILY_LOCKED");
  });
});

describe("a new password", () => {
  const renewed = async (newPassword: unknown, email = pool.take()) => {
    const mine = await logIn(postern, email);
    const response = await update(mine, { oldPassword: password, newPassword });
    if (response.status === 204) {
      expect(await tryLogin(email, String(newPassword))).toBe("200");
      return 204;
    }
    expect(await tryLogin(email, password)).toBe("200");
    return response.json();
  };
  const weak = (message: string) => ({ code: "WEAK_PASSWORD", message });

  test("has at least 8 characters, as they are compared", async () => {
    const short = weak("A password has at least 8 characters.");
    expect(await renewed("")).toEqual(short);
    expect(await renewed("xq7%kvw")).toEqual(short);
    // Eight code points as some keyboards send them, four as everybody else does.
    expect(await renewed("é".normalize("NFD").repeat(4))).toEqual(short);
    expect(await renewed("xq7%kvwz")).toBe(204);
    expect(await renewed("😀😁😂😃😄😅😆😇")).toBe(204);
  });

  test("has at most 256 characters", async () => {
    expect(await renewed("xq7%".repeat(64))).toBe(204);
    expect(await renewed(`${"xq7%".repeat(64)}x`)).toEqual(weak("A password has at most 256 characters."));
  });

  test("is none of the commonest, in any case", async () => {
    const common = weak("This password is among the commonest, which are guessed first: choose another.");
    for (const one of ["password", "PassWord1", "iloveyou", "1234567890"]) {
      expect(await renewed(one)).toEqual(common);
    }
  });

  test("is not the e-mail address, in any case", async () => {
    const email = pool.take();
    const same = weak("A password must not be the e-mail address.");
    expect(await renewed(email, email)).toEqual(same);
    expect(await renewed(email.toUpperCase(), email)).toEqual(same);
  });

  test("may be of one kind of character, with blanks anywhere", async () => {
    expect(await renewed("kvwzmbqhtr")).toBe(204);
    expect(await renewed("  blanks count  ")).toBe(204);
  });

  test("that is no text is no valid request", async () => {
    for (const value of [null, 5, undefined]) {
      expect(await renewed(value)).toMatchObject({
        code: "INVALID_REQUEST",
        errors: [{ path: "/newPassword" }],
      });
    }
  });
});

test("POSTERN_PASSWORD_MIN_LENGTH raises the shortest password", async () => {
  const strict = await startInProcess({
    dataDir: await seededFolder([user("ada")]),
    settings: { POSTERN_PASSWORD_MIN_LENGTH: "15" },
  });
  const ada = await logIn(strict, "ada@example.com");
  const renew = async (newPassword: string) =>
    outcomeOf(await update(ada, { oldPassword: password, newPassword }));
  expect(await renew("xq7%kvwzmbqhtr")).toBe("400 WEAK_PASSWORD");
  expect(await renew("xq7%kvwzmbqhtrs")).toBe("204");
});

describe("the first user's initial-password", () => {
  async function firstLogin() {
    const server = await startBinary();
    const file = join(server.dataDir, "initial-password");
    const secret = readFileSync(file, "utf8").trim();
    const admin = await logIn(server, "admin@postern.local", { accountId: "", secret });
    return { server, file, secret, admin };
  }

  test("goes when that user changes the password, and with no other user's change", async () => {
    const { server, file, secret, admin } = await firstLogin();
    const made = ["user", "create", "--account", "default", "--email", "ada@example.com", "--password-stdin"];
    await command(server.dataDir, [...made, "--first-name", "Ada", "--last-name", "Lovelace"], {
      input: password,
    });
    const ada = await logIn(server, "ada@example.com", { accountId: "" });
    expect((await update(ada, { oldPassword: password, newPassword: next })).status).toBe(204);
    expect((await update(admin, { oldPassword: "a wrong password", newPassword: next })).status).toBe(400);
    expect((await update(admin, { oldPassword: secret, newPassword: "short" })).status).toBe(400);
    expect(existsSync(file)).toBe(true);
    expect((await update(admin, { oldPassword: secret, newPassword: next })).status).toBe(204);
    expect(existsSync(file)).toBe(false);
  });

  test("goes too when the user took another e-mail address before", async () => {
    const { file, secret, admin } = await firstLogin();
    const moved = await admin.call("PATCH", "/v3/me", { email: "root@example.com", password: secret });
    expect(moved.status).toBe(200);
    expect(existsSync(file)).toBe(true);
    expect((await update(admin, { oldPassword: secret, newPassword: next })).status).toBe(204);
    expect(existsSync(file)).toBe(false);
  });
});
