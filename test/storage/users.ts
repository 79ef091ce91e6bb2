import { describe, expect, test } from "bun:test";
import { audit, freshId, makeAccount, makeUser, now, type OpenStorage } from "./contract.ts";
import { loginOf, readyOf } from "./login-ready.ts";

/** What users ask of storage. */
export function userContract(open: OpenStorage): void {
  describe("a new user", () => newUserContract(open));
  describe("the users of an account", () => listContract(open));
  describe("a change of a user", () => changeContract(open));
}

const later = now + 60_000;

function newUserContract(open: OpenStorage): void {
  test("is active, has the defaults of the contract, and is recorded", async () => {
    await using database = await open();
    const { id: accountId } = await makeAccount(database.storage);
    const user = await makeUser(database.storage, { accountId, email: "Ada@Example.com" });
    const { passwordHash: _, ...shown } = user;
    expect(await database.storage.users.findUser(accountId, user.id)).toMatchObject({
      ...shown,
      status: "active",
      otherRoles: [],
      twoFactorEnabled: false,
      googleSsoEnabled: false,
      allowCustomerPortalAccess: false,
      emailPreferenceMetrics: true,
      organization: null,
      reseller: null,
      metadata: [],
      tags: [],
      lastLoginAt: null,
      lastSeenAt: null,
      updatedAt: now,
    });
    expect((await database.auditLog(accountId)).at(-1)).toMatchObject({
      action: "user.created",
      target: { kind: "user", id: user.id },
    });
  });

  test("is found by its e-mail in any case, kept as it was given, and in its own account only", async () => {
    await using database = await open();
    const [mine, others] = [await makeAccount(database.storage), await makeAccount(database.storage)];
    const user = await makeUser(database.storage, { accountId: mine.id, email: "Ada@Example.com" });
    const find = (accountId: string) => database.storage.users.findUserByEmail(accountId, "aDA@eXAMPLE.COM");
    expect(await find(mine.id)).toMatchObject({ id: user.id, email: "Ada@Example.com" });
    expect(await find(others.id)).toBeUndefined();
    expect(await database.storage.users.findUser(others.id, user.id)).toBeUndefined();
  });

  test("with the e-mail of another of the account in another case is refused, and nothing is written", async () => {
    await using database = await open();
    const [mine, others] = [await makeAccount(database.storage), await makeAccount(database.storage)];
    await makeUser(database.storage, { accountId: mine.id, email: "ada@example.com" });
    const entries = (await database.auditLog(mine.id)).length;
    await expect(
      makeUser(database.storage, { accountId: mine.id, email: "ADA@example.com" }),
    ).rejects.toMatchObject({ code: "CONFLICT" });
    expect(await database.auditLog(mine.id)).toHaveLength(entries);
    await makeUser(database.storage, { accountId: others.id, email: "ada@example.com" });
  });

  test("with the id of a user of any account is refused", async () => {
    await using database = await open();
    const [mine, others] = [await makeAccount(database.storage), await makeAccount(database.storage)];
    const user = await makeUser(database.storage, { accountId: others.id });
    await expect(makeUser(database.storage, { accountId: mine.id, id: user.id })).rejects.toMatchObject({
      code: "CONFLICT",
    });
  });

  test("has a built-in role or one of its account, not one of another", async () => {
    await using database = await open();
    const [mine, others] = [await makeAccount(database.storage), await makeAccount(database.storage)];
    const mark = { accountId: others.id, now, auditId: freshId(), newId: freshId() };
    await database.storage.imports.importRole("auditor", mark);
    await makeUser(database.storage, { accountId: mine.id, role: "organization-admin" });
    await makeUser(database.storage, { accountId: others.id, role: "auditor" });
    await expect(makeUser(database.storage, { accountId: mine.id, role: "auditor" })).rejects.toMatchObject({
      code: "INVALID_REQUEST",
    });
  });
}

function listContract(open: OpenStorage): void {
  test("are listed in the order of ids, a page at a time, without those of another account", async () => {
    await using database = await open();
    const [mine, others] = [await makeAccount(database.storage), await makeAccount(database.storage)];
    for (const id of ["u-3", "u-1", "u-2"]) await makeUser(database.storage, { accountId: mine.id, id });
    await makeUser(database.storage, { accountId: others.id, id: "u-0" });
    const page = async (afterId: string) => {
      const users = await database.storage.users.listUsers(mine.id, { afterId, limit: 2 });
      return users.map(({ id }) => id);
    };
    expect([await page(""), await page("u-2"), await page("u-3")]).toEqual([["u-1", "u-2"], ["u-3"], []]);
  });
}

function changeContract(open: OpenStorage): void {
  const openReady = readyOf(open);

  test("of the password ends the sessions but the one that is kept, and moves the password's version", async () => {
    await using ready = await openReady();
    const { account, user, storage } = ready;
    const sessions = [loginOf(ready), loginOf(ready), loginOf(ready)];
    for (const login of sessions) await storage.login.recordLogin(login);
    const kept = sessions[1]?.session.id ?? "";
    await storage.users.changePassword(
      { userId: user.id, passwordHash: "$hash-2", keepSession: kept, now: later },
      audit("user.password-changed", { accountId: account.id, kind: "user", id: user.id }, later),
    );
    const ended = (await ready.sessionEnds(user.id)).filter(({ endedAt }) => endedAt !== null);
    expect(ended.map(({ endReason }) => endReason)).toEqual(["password-changed", "password-changed"]);
    expect(ended.map(({ id }) => id)).not.toContain(kept);
    expect(await storage.login.findLoginUser(account.id, user.email)).toMatchObject({
      passwordHash: "$hash-2",
      passwordVersion: 2,
    });
    expect(await storage.users.findUser(account.id, user.id)).toMatchObject({ updatedAt: later });
  });

  test("to suspended ends the sessions and is recorded; back to active brings none of them back", async () => {
    await using ready = await openReady();
    const { account, user, storage } = ready;
    await storage.login.recordLogin(loginOf(ready));
    const target = { accountId: account.id, kind: "user", id: user.id } as const;
    const own = { id: user.id, accountId: account.id };
    const suspended = await storage.users.setUserStatus(
      own,
      "suspended",
      audit("user.suspended", target, later),
    );
    expect(suspended).toMatchObject({ status: "suspended", updatedAt: later });
    await storage.users.setUserStatus(own, "active", audit("user.resumed", target, later));
    expect(await ready.sessionEnds(user.id)).toMatchObject([{ endedAt: later, endReason: "user-suspended" }]);
    expect((await ready.auditLog(account.id)).slice(-2).map(({ action }) => action)).toEqual([
      "user.suspended",
      "user.resumed",
    ]);
  });

  test("to the status it has changes no time and is not recorded", async () => {
    await using ready = await openReady();
    const { account, user, storage } = ready;
    const before = await ready.auditLog(account.id);
    const target = { accountId: account.id, kind: "user", id: user.id } as const;
    const own = { id: user.id, accountId: account.id };
    const same = await storage.users.setUserStatus(own, "active", audit("user.resumed", target, later));
    expect(same).toMatchObject({ status: "active", updatedAt: now });
    expect(await ready.auditLog(account.id)).toEqual(before);
  });
}
