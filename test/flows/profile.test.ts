import { beforeAll, describe, expect, test } from "bun:test";
import { rowsOf } from "../support/database.ts";
import { type LoggedIn, logIn, outcomeOf } from "../support/logged-in.ts";
import { type StartedInProcess, startInProcess } from "../support/postern.ts";
import {
  account,
  createAccount,
  importRecords,
  password,
  seededFolder,
  user,
  userPool,
} from "../support/seed.ts";
import { stoppedClock } from "../support/stopped-clock.ts";

const clock = stoppedClock();
const pool = userPool("changer", 30);
const elsewhere = { id: "other-account", alias: "other" };

let postern: StartedInProcess;

beforeAll(async () => {
  const dataDir = await seededFolder([user("taken"), ...pool.names.map((name) => user(name))]);
  await createAccount(dataDir, elsewhere);
  await importRecords(dataDir, [user("abroad")], elsewhere.id);
  postern = await startInProcess({ dataDir, clock });
});

const change = (who: LoggedIn, body: unknown) => who.call("PATCH", "/v3/me", body);
const profileOf = async (who: LoggedIn): Promise<Record<string, unknown>> =>
  JSON.parse(await (await who.call("GET", "/v3/me")).text());

const audited = (userId: string) =>
  rowsOf<{ details: string }>(
    postern.dataDir,
    "SELECT details FROM audit_log WHERE target_id = ? AND action = 'user.profile-changed'",
    userId,
  ).map(({ details }) => JSON.parse(details));

const tryLogin = async (email: string) =>
  outcomeOf(await postern.post("/v3/accounts/login", { accountId: account.id, email, password }));

describe("PATCH /v3/me", () => {
  test("changes names, company and preference, answers the whole user, and is recorded without the values", async () => {
    const mine = await logIn(postern, pool.take());
    const before = await profileOf(mine);
    clock.move(1_000);
    const changes = {
      firstName: "Ada",
      lastName: "Lovelace",
      company: "Engines Ltd",
      emailPreference: { metrics: false },
    };
    const response = await change(mine, changes);
    expect(response.status).toBe(200);
    const after = JSON.parse(await response.text());
    expect(after).toEqual({
      ...before,
      ...changes,
      name: "Ada Lovelace",
      updatedAt: new Date(clock.now()).toISOString(),
    });
    expect(await profileOf(mine)).toEqual(after);
    expect(audited(mine.userId)).toEqual([{ changed: "firstName lastName company emailPreferenceMetrics" }]);
  });

  test("changes what is sent and leaves the rest, be it absent or null", async () => {
    const mine = await logIn(postern, pool.take());
    await change(mine, { firstName: "Ada", lastName: "Lovelace", company: "Engines Ltd" });
    const nulls = { firstName: null, lastName: null, email: null, password: null, emailPreference: null };
    const response = await change(mine, { ...nulls, company: "Babbage & Co" });
    expect(await response.json()).toMatchObject({
      firstName: "Ada",
      lastName: "Lovelace",
      email: mine.email,
      company: "Babbage & Co",
      emailPreference: { metrics: true },
    });
    expect(await outcomeOf(await change(mine, { emailPreference: { metrics: null } }))).toBe("200");
    expect((await profileOf(mine))["emailPreference"]).toEqual({ metrics: true });
  });

  test("with nothing to change answers the user and writes nothing", async () => {
    const mine = await logIn(postern, pool.take());
    const before = await profileOf(mine);
    clock.move(1_000);
    for (const body of [{}, { company: null }])
      expect(JSON.parse(await (await change(mine, body)).text())).toEqual(before);
    expect(audited(mine.userId)).toEqual([]);
  });

  test("empties the last name and the company, but not the first name", async () => {
    const mine = await logIn(postern, pool.take());
    const response = await change(mine, { lastName: "", company: "" });
    expect(await response.json()).toMatchObject({
      name: mine.email.split("@")[0],
      lastName: "",
      company: "",
    });
    expect(await outcomeOf(await change(mine, { firstName: "" }))).toBe("400 INVALID_REQUEST");
  });

  test.each(["firstName", "lastName", "company"])(
    "takes 256 characters for %s, and not 257",
    async (name) => {
      const mine = await logIn(postern, pool.take());
      expect(await outcomeOf(await change(mine, { [name]: "😀".repeat(256) }))).toBe("200");
      const refused = await change(mine, { [name]: "😀".repeat(257) });
      expect(refused.status).toBe(400);
      expect(await refused.json()).toMatchObject({ code: "INVALID_REQUEST", errors: [{ path: `/${name}` }] });
      expect((await profileOf(mine))[name]).toBe("😀".repeat(256));
    },
  );

  test("changes nothing that is not the user's to change", async () => {
    const mine = await logIn(postern, pool.take());
    const before = await profileOf(mine);
    const wanted = {
      id: "me",
      accountId: elsewhere.id,
      role: "super-admin",
      roles: ["admin"],
      status: "active",
      tags: ["vip"],
      metadata: [{ key: "a", value: "b" }],
      createdAt: "2020-01-01T00:00:00.000Z",
      passwordHash: "x",
      allowCustomerPortalAccess: true,
      organizationId: "o-1",
    };
    expect(await outcomeOf(await change(mine, wanted))).toBe("200");
    expect(await profileOf(mine)).toEqual(before);
  });
});

describe("a new e-mail address", () => {
  test("needs the password: without it the answer says so, and nothing of the rest is changed", async () => {
    const mine = await logIn(postern, pool.take());
    const response = await change(mine, { email: "new@example.com", company: "New Ltd" });
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({
      code: "INVALID_REQUEST",
      message: "password is needed to change the e-mail address.",
      errors: [{ path: "/password", message: "is needed to change the e-mail address" }],
    });
    expect(await profileOf(mine)).toMatchObject({ email: mine.email, company: "" });
  });

  test("is what logs in from then on; the old one does not, and sessions go on", async () => {
    const mine = await logIn(postern, pool.take());
    const email = "Changed.Address@Example.com";
    expect(await (await change(mine, { email, password })).json()).toMatchObject({ email });
    expect(await tryLogin("changed.address@example.com")).toBe("200");
    expect(await tryLogin(mine.email)).toBe("400 INVALID_CREDENTIALS");
    expect(
      await outcomeOf(await postern.post("/v3/accounts/refresh", { refreshToken: mine.refreshToken })),
    ).toBe("200");
    expect(audited(mine.userId)).toEqual([{ changed: "email" }]);
  });

  test("that somebody of the account has, in whatever case, is a conflict; one of another account is free", async () => {
    const mine = await logIn(postern, pool.take());
    for (const email of ["taken@example.com", "TAKEN@example.com"]) {
      expect(await outcomeOf(await change(mine, { email, password, company: "New Ltd" }))).toBe(
        "409 CONFLICT",
      );
    }
    expect(await profileOf(mine)).toMatchObject({ email: mine.email, company: "" });
    expect(await outcomeOf(await change(mine, { email: "abroad@example.com", password }))).toBe("200");
  });

  test("of several users at once is one's; the others are told of the conflict", async () => {
    const users = await Promise.all(
      [pool.take(), pool.take(), pool.take()].map((email) => logIn(postern, email)),
    );
    const answers = await Promise.all(
      users.map(async (who) => outcomeOf(await change(who, { email: "wanted@example.com", password }))),
    );
    expect(answers.toSorted()).toEqual(["200", "409 CONFLICT", "409 CONFLICT"]);
  });

  test("that is the present one needs no password; another spelling of it does", async () => {
    const mine = await logIn(postern, pool.take());
    expect(await outcomeOf(await change(mine, { email: mine.email, company: "X" }))).toBe("200");
    const email = mine.email.toUpperCase();
    expect(await outcomeOf(await change(mine, { email }))).toBe("400 INVALID_REQUEST");
    expect(await outcomeOf(await change(mine, { email, password }))).toBe("200");
    expect(await profileOf(mine)).toMatchObject({ email });
  });

  test.each(["", "no address", "a@b@c", `${"x".repeat(250)}@ex.com`])("cannot be %p", async (email) => {
    const mine = await logIn(postern, pool.take());
    const response = await change(mine, { email, password });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: "INVALID_REQUEST", errors: [{ path: "/email" }] });
  });

  test("with a wrong password changes nothing, and counts in the lock of the login", async () => {
    const mine = await logIn(postern, pool.take());
    const wrong = { email: "new@example.com", password: "a wrong password", company: "New Ltd" };
    for (let time = 1; time <= 5; time += 1) {
      expect(await outcomeOf(await change(mine, wrong))).toBe("400 INVALID_CREDENTIALS");
    }
    const locked = await change(mine, { ...wrong, password });
    expect(locked.headers.get("retry-after")).toBe("300");
    expect(await outcomeOf(locked)).toBe("429 LOGIN_TEMPORARILY_LOCKED");
    expect(await tryLogin(mine.email)).toBe("429 LOGIN_TEMPORARILY_LOCKED");
    expect(await profileOf(mine)).toMatchObject({ email: mine.email, company: "" });
    // What needs no password is in nobody's way.
    expect(await outcomeOf(await change(mine, { company: "New Ltd" }))).toBe("200");
  });
});
