import { describe, expect, test } from "bun:test";
import type { LoginUser } from "../../src/features/login/store.ts";
import { mostSessionsOfAUser } from "../../src/features/sessions/model.ts";
import { foldCase } from "../../src/lib/text.ts";
import { claimAll, makeAccount, makeUser, makeWebhook, now, type OpenStorage } from "./contract.ts";
import { failuresContract } from "./login-failures.ts";
import { fail, failureOf, from, identity, loginOf, minute, type OpenReady, readyOf } from "./login-ready.ts";
import { refusalContract } from "./login-refusals.ts";
import { secondFactorContract } from "./login-second-factor.ts";

/** What the login asks of storage. */
export function loginContract(open: OpenStorage): void {
  describe("whom a login means", () => findingContract(open));
  describe("a recorded login", () => recordingContract(readyOf(open)));
  describe("a login that may not be recorded", () => refusalContract(readyOf(open)));
  describe("the second factor of a login", () => secondFactorContract(readyOf(open)));
  describe("failures of logins", () => failuresContract(readyOf(open)));
}

function findingContract(open: OpenStorage): void {
  test("the only account need not be named, until there is another", async () => {
    await using database = await open();
    const { login } = database.storage;
    expect(await login.findLoginAccount(null, null)).toBeUndefined();
    const account = await makeAccount(database.storage, { requireTwoFactor: ["admin"] });
    const { id, status, requireTwoFactor } = account;
    expect(await login.findLoginAccount(null, null)).toEqual({ id, status, requireTwoFactor });
    await makeAccount(database.storage);
    expect(await login.findLoginAccount(null, null)).toBeUndefined();
  });

  test("an account is found by its id, by its alias in any case, and by both if they agree", async () => {
    await using database = await open();
    const { login } = database.storage;
    const { id } = await makeAccount(database.storage, { alias: "Acme.Works" });
    const other = await makeAccount(database.storage, { alias: "other" });
    const found: [string | null, string | null][] = [
      [id, null],
      [null, "Acme.Works"],
      [null, "aCME.wORKS"],
      [id, "acme.works"],
    ];
    for (const [byId, byAlias] of found) {
      expect(await login.findLoginAccount(byId, byAlias)).toMatchObject({ id });
    }
    const missed: [string | null, string | null][] = [
      ["nobody", null],
      [null, "nobody"],
      [id, "other"],
      [other.id, "acme.works"],
      [id, "nobody"],
      ["nobody", "acme.works"],
      ["acme.works", null],
      [null, id],
    ];
    for (const [byId, byAlias] of missed) {
      expect(await login.findLoginAccount(byId, byAlias)).toBeUndefined();
    }
  });

  test("a user is found by its e-mail in any case, and only in its own account", async () => {
    await using database = await open();
    const { storage, enrol } = database;
    const account = await makeAccount(storage);
    const other = await makeAccount(storage);
    const email = "Ada@Example.com";
    const { id } = await makeUser(storage, { accountId: account.id, email, role: "admin" });
    const found: LoginUser = {
      id,
      status: "active",
      roles: ["admin"],
      passwordHash: "$hash-1",
      passwordVersion: 1,
      twoFactor: null,
    };
    for (const spelling of [email, foldCase(email), email.toUpperCase()]) {
      expect(await storage.login.findLoginUser(account.id, spelling)).toEqual(found);
      expect(await storage.login.findLoginUser(other.id, spelling)).toBeUndefined();
    }
    await enrol(id, { sealedSecret: Buffer.from("sealed"), lastAcceptedStep: 41, recoveryCodeHashes: [] });
    expect(await storage.login.findLoginUser(account.id, email)).toEqual({
      ...found,
      twoFactor: { sealedSecret: Buffer.from("sealed"), lastAcceptedStep: 41 },
    });
  });
}

function recordingContract(open: OpenReady): void {
  test("leaves the session, the user's times and the audit entry, and is not an update of the user", async () => {
    await using ready = await open();
    const { storage, account, user } = ready;
    const login = loginOf(ready, { now: now + minute });
    const sessionIdentity = {
      accountId: account.id,
      userId: user.id,
      sessionId: login.session.id,
      role: "user",
    };
    expect(await storage.login.recordLogin(login)).toEqual({ kind: "logged-in", identity: sessionIdentity });

    expect(await storage.sessions.findLiveSession(login.session.id, now + minute)).toEqual(sessionIdentity);
    expect(await storage.users.findUser(account.id, user.id)).toMatchObject({
      lastLoginAt: now + minute,
      lastSeenAt: now + minute,
      updatedAt: now,
    });
    expect((await ready.auditLog(account.id)).at(-1)).toEqual({
      id: login.auditId,
      accountId: account.id,
      at: now + minute,
      action: "login.succeeded",
      actor: "user",
      target: { kind: "user", id: user.id },
      from,
      details: { sessionId: login.session.id, secondFactor: null },
    });
  });

  test("leaves one event, with the same bytes for every active webhook of the account that wants it", async () => {
    await using ready = await open();
    const { storage, account } = ready;
    const [first, second] = [
      await makeWebhook(storage, { accountId: account.id }),
      await makeWebhook(storage, { accountId: account.id }),
    ];
    const paused = await makeWebhook(storage, { accountId: account.id, active: false });
    const elsewhere = await makeWebhook(storage, { accountId: (await makeAccount(storage)).id });
    const told: string[][] = [];
    storage.onDeliveries((webhookIds) => told.push(webhookIds));

    const login = loginOf(ready, { now: now + minute });
    await storage.login.recordLogin(login);

    expect(told.map((ids) => ids.sort())).toEqual([[first.id, second.id].sort()]);
    const [toFirst, ...more] = await claimAll(storage, first.id);
    expect(more).toEqual([]);
    expect(toFirst).toMatchObject({ eventId: login.eventId, attempt: 1 });
    expect(JSON.parse(toFirst?.body ?? "")).toMatchObject({
      event: "account.logged-in",
      data: { id: ready.user.id, lastLoginAt: new Date(now + minute).toISOString() },
      triggeredAt: new Date(now + minute).toISOString(),
    });
    expect((await claimAll(storage, second.id)).map(({ body }) => body)).toEqual([toFirst?.body ?? ""]);
    expect(await claimAll(storage, paused.id)).toEqual([]);
    expect(await claimAll(storage, elsewhere.id)).toEqual([]);
  });

  test("clears the failures before it", async () => {
    await using ready = await open();
    await fail(ready.storage, () => failureOf(ready, "password", now), 4);
    await ready.storage.login.recordLogin(loginOf(ready));
    expect(await ready.storage.login.readFailures(identity)).toMatchObject({ recent: [], secondFactor: 0 });
  });

  test(`ends the user's oldest session when it is the ${mostSessionsOfAUser + 1}st`, async () => {
    await using ready = await open();
    const { storage, user } = ready;
    const logins = Array.from({ length: mostSessionsOfAUser + 2 }, (_, count) =>
      loginOf(ready, { now: now + count }),
    );
    const living = async () =>
      (await ready.sessionEnds(user.id)).filter(({ endedAt }) => endedAt === null).length;
    for (const login of logins.slice(0, mostSessionsOfAUser)) await storage.login.recordLogin(login);
    expect(await living()).toBe(mostSessionsOfAUser);

    for (const login of logins.slice(mostSessionsOfAUser)) await storage.login.recordLogin(login);
    expect(await living()).toBe(mostSessionsOfAUser);
    expect((await ready.sessionEnds(user.id)).slice(0, 3)).toEqual([
      { id: logins[0]?.session.id ?? "", endedAt: now + 100, endReason: "too-many-sessions" },
      { id: logins[1]?.session.id ?? "", endedAt: now + 101, endReason: "too-many-sessions" },
      { id: logins[2]?.session.id ?? "", endedAt: null, endReason: null },
    ]);
  });

  test("is one of fifty at once, of two processes, and all are recorded", async () => {
    await using ready = await open();
    const storages = [ready.storage, await ready.connectAgain()];
    const outcomes = await Promise.all(
      storages.flatMap((storage) =>
        Array.from({ length: 25 }, () => storage.login.recordLogin(loginOf(ready))),
      ),
    );
    expect(outcomes.map(({ kind }) => kind)).toEqual(outcomes.map(() => "logged-in"));
    expect(await ready.sessionEnds(ready.user.id)).toHaveLength(50);
  });

  test("has its password's hash replaced only while that is the one that was verified", async () => {
    await using ready = await open();
    const { storage, account, user } = ready;
    const replace = (of: string, to: string) =>
      storage.login.replacePasswordHash({ userId: user.id, from: of, to });
    expect(await replace("$hash-1", "$better")).toBe(true);
    expect(await replace("$hash-1", "$late")).toBe(false);
    const found = await storage.login.findLoginUser(account.id, user.email);
    expect(found).toMatchObject({ passwordHash: "$better", passwordVersion: 1 });
    // A rehash is no new password: a login that verified the former hash is still good.
    expect(await storage.login.recordLogin(loginOf(ready))).toMatchObject({ kind: "logged-in" });
  });
}
