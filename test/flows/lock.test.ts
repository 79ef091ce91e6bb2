import { beforeAll, describe, expect, test } from "bun:test";
import { type StartedInProcess, startBinary, startInProcess } from "../support/postern.ts";
import { account, command, password, seededFolder, user, userPool } from "../support/seed.ts";
import { stoppedClock } from "../support/stopped-clock.ts";
import { totpSecret } from "../support/totp.ts";

const minute = 60_000;
const clock = stoppedClock();
const pool = userPool("lock", 24);
const guarded = userPool("guarded", 4);
const away = "away@example.com";

let postern: StartedInProcess;

beforeAll(async () => {
  const dataDir = await seededFolder([
    ...pool.names.map((name) => user(name)),
    ...guarded.names.map((name) => user(name, { twoFactorSecret: totpSecret })),
    user("away", { status: "suspended" }),
  ]);
  postern = await startInProcess({ dataDir, clock });
});

/** What a login was answered: `200`, the code of its refusal, or of a lock the seconds that are left. */
async function attempt(fields: Record<string, unknown>): Promise<unknown> {
  const { status, headers, body } = await postern.login({ password, ...fields });
  if (status === 200) return 200;
  return status === 429 ? Number(headers.get("retry-after")) : body["code"];
}

async function failTimes(count: number, fields: Record<string, unknown>): Promise<void> {
  for (let failure = 0; failure < count; failure += 1) {
    expect(await attempt({ password: "wrong password", ...fields })).toBe("INVALID_CREDENTIALS");
  }
}

describe("five failures within five minutes", () => {
  test("lock for five minutes from the fifth, to the millisecond", async () => {
    const email = pool.take();
    await failTimes(4, { email });
    clock.move(5 * minute - 1);
    await failTimes(1, { email });
    expect(await attempt({ email })).toBe(300);
    clock.move(5 * minute - 1);
    expect(await attempt({ email })).toBe(1);
    clock.move(1);
    expect(await attempt({ email })).toBe(200);
  });

  test("are four when the first is five minutes old", async () => {
    const email = pool.take();
    await failTimes(1, { email });
    clock.move(1);
    await failTimes(3, { email });
    clock.move(5 * minute - 1);
    await failTimes(1, { email });
    expect(await attempt({ email })).toBe(200);
  });

  test("are forgotten by a login that is answered 200", async () => {
    const email = pool.take();
    await failTimes(4, { email });
    expect(await attempt({ email })).toBe(200);
    await failTimes(4, { email });
    expect(await attempt({ email })).toBe(200);
  });

  test("are not forgotten by a right password without a code, which is no failure either", async () => {
    const email = guarded.take();
    await failTimes(4, { email });
    for (let time = 0; time < 5; time += 1) expect(await attempt({ email })).toBe("MISSING_TWO_FACTOR_CODE");
    await failTimes(1, { email });
    expect(await attempt({ email })).toBe(300);
  });

  test("are not forgotten by a right password of a suspended user, which is no failure either", async () => {
    await failTimes(4, { email: away });
    for (let time = 0; time < 5; time += 1) expect(await attempt({ email: away })).toBe("USER_SUSPENDED");
    await failTimes(1, { email: away });
    expect(await attempt({ email: away })).toBe(300);
  });

  test("are counted of passwords and codes together", async () => {
    const email = guarded.take();
    await failTimes(4, { email });
    expect(await attempt({ email, twoFactorCode: "abcdef" })).toBe("INVALID_TWO_FACTOR_CODE");
    expect(await attempt({ email, twoFactorCode: "abcdef" })).toBe(300);
  });

  test("are not made by requests that break a bound", async () => {
    const email = pool.take();
    for (let time = 0; time < 6; time += 1)
      expect(await attempt({ email, password: "short" })).toBe("INVALID_REQUEST");
    expect(await attempt({ email })).toBe(200);
  });
});

describe("while an identity is locked", () => {
  test("tries are neither counted nor make the lock longer, and five new ones follow it", async () => {
    const email = pool.take();
    await failTimes(5, { email });
    for (let time = 0; time < 10; time += 1) {
      expect(await attempt({ email, password: "wrong password" })).toBe(300);
    }
    clock.move(4 * minute);
    expect(await attempt({ email, password: "wrong password" })).toBe(60);
    clock.move(minute);
    await failTimes(4, { email });
    expect(await attempt({ email })).toBe(200);
  });

  test("refreshes and its access tokens go on: a lock is no logout", async () => {
    const email = pool.take();
    const { body } = await postern.login({ email, password });
    await failTimes(5, { email });
    expect(await attempt({ email })).toBe(300);
    const refreshed = await postern.post("/v3/accounts/refresh", { refreshToken: body["refreshToken"] });
    expect(refreshed.status).toBe(200);
    const me = await postern.get("/v3/me", { authorization: `Bearer ${body["accessToken"]}` });
    expect(me.status).toBe(200);
  });

  test("other users log in as ever", async () => {
    await failTimes(5, { email: pool.take() });
    expect(await attempt({ email: pool.take() })).toBe(200);
  });

  test("its operator can unlock it, beside the running server", async () => {
    const email = pool.take();
    await failTimes(5, { email });
    await command(postern.dataDir, [
      "user",
      "unlock",
      "--account",
      account.alias,
      "--email",
      email.toUpperCase(),
    ]);
    expect(await attempt({ email })).toBe(200);
    await failTimes(4, { email });
    expect(await attempt({ email })).toBe(200);
  });

  test("a new password does not unlock it", async () => {
    const email = pool.take();
    await failTimes(5, { email });
    const set = ["user", "set-password", "--account", account.id, "--email", email, "--password-stdin"];
    await command(postern.dataDir, set, { input: "another good password" });
    expect(await attempt({ email, password: "another good password" })).toBe(300);
  });
});

describe("the counter is one", () => {
  const spellings = [
    { accountId: account.id },
    { accountAlias: account.alias },
    {},
    { accountAlias: "ACME-CORP" },
  ];

  test("however the account is named", async () => {
    const email = pool.take();
    for (const named of spellings) await failTimes(1, { email, ...named });
    await failTimes(1, { email, accountId: account.id, accountAlias: account.alias });
    for (const named of spellings) expect(await attempt({ email, ...named })).toBe(300);
  });

  test("however the e-mail address is written", async () => {
    const email = pool.take();
    const written = [email, email.toUpperCase(), email.replace("e", "E"), email.replace("com", "COM"), email];
    for (const spelling of written) await failTimes(1, { email: spelling });
    for (const spelling of written) expect(await attempt({ email: spelling })).toBe(300);
  });
});

describe("an invented identity locks in the same way", () => {
  test.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ["an e-mail address", { email: "ghost@example.com" }, { email: "GHOST@example.com" }],
    ["an account's id", { accountId: "Ghost-1", email: "a@b" }, { accountId: "gHOST-1", email: "A@b" }],
    [
      "an account's alias",
      { accountAlias: "Ghost-2", email: "a@b" },
      { accountAlias: "ghost-2", email: "A@b" },
    ],
  ])("of %s, whatever its case", async (_, fields, respelt) => {
    await failTimes(3, fields);
    await failTimes(2, respelt);
    expect(await attempt(fields)).toBe(300);
    expect(await attempt(respelt)).toBe(300);
    clock.move(5 * minute);
    await failTimes(5, fields);
    expect(await attempt(fields)).toBe(300);
  });

  test("and is another one in another invented account", async () => {
    await failTimes(5, { accountId: "ghost-3", email: "a@b" });
    await failTimes(1, { accountId: "ghost-4", email: "a@b" });
    await failTimes(1, { accountAlias: "ghost-3", email: "a@b" });
  });
});

test("a lock is kept through kill -9 and a new start", async () => {
  const dataDir = await seededFolder([user("ada"), user("guarded", { twoFactorSecret: totpSecret })]);
  const first = await startBinary({ dataDir });
  for (let failure = 0; failure < 5; failure += 1) {
    await first.login({ email: "ada@example.com", password: "wrong password" });
    await first.login({ email: "ghost@example.com", password: "wrong password" });
  }
  for (let failure = 0; failure < 4; failure += 1) {
    await first.login({ email: "guarded@example.com", password, twoFactorCode: "abcdef" });
  }
  await first.end("SIGKILL");
  const second = await startBinary({ dataDir });
  for (const email of ["ada@example.com", "ghost@example.com"]) {
    const { status, body } = await second.login({ email, password });
    expect([status, body["code"]]).toEqual([429, "LOGIN_TEMPORARILY_LOCKED"]);
  }
  const fifth = { email: "guarded@example.com", password, twoFactorCode: "abcdef" };
  expect((await second.login(fifth)).status).toBe(400);
  expect((await second.login(fifth)).status).toBe(429);
});
