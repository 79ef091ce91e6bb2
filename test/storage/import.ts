import { describe, expect, test } from "bun:test";
import type { ImportedUser, ImportMark } from "../../src/features/import/store.ts";
import { mostWebhooksOfAnAccount } from "../../src/features/webhooks/model.ts";
import { tokenBinding } from "../../src/features/webhooks/token.ts";
import { freshId, makeAccount, makeWebhook, now, type OpenStorage, secrets } from "./contract.ts";
import { importCheckContract } from "./import-check.ts";
import { readyOf } from "./login-ready.ts";

const later = now + 60_000;

/** What imports ask of storage. */
export function importContract(open: OpenStorage): void {
  describe("an imported record", () => recordContract(open));
  describe("an imported user", () => userContract(open));
  describe("an imported webhook", () => webhookContract(open));
  describe("the check of an import", () => importCheckContract(open));
}

function mark(accountId: string, at = now): ImportMark {
  return { accountId, now: at, auditId: freshId(), newId: freshId() };
}

function userOf(given: Partial<ImportedUser> = {}): ImportedUser {
  const credentials = { passwordHash: "$hash-1", twoFactor: null };
  return {
    id: null,
    email: "ada@example.com",
    firstName: "Ada",
    lastName: "Lovelace",
    credentials,
    ...given,
  };
}

function recordContract(open: OpenStorage): void {
  test("is made once, left alone when it says nothing new, and changed where it does", async () => {
    await using database = await open();
    const { imports } = database.storage;
    const { id: accountId } = await makeAccount(database.storage);
    const before = (await database.auditLog(accountId)).length;
    const reseller = { id: "r-1", name: "Resale", email: "sales@example.com", allowedUsers: 5 };
    const organization = { id: "o-1", name: "Engines", resellerId: "r-1", city: "London" };
    const kinds = async (at: number) => [
      (await imports.importReseller(reseller, mark(accountId, at))).kind,
      (await imports.importOrganization(organization, mark(accountId, at))).kind,
      (await imports.importRole("auditor", mark(accountId, at))).kind,
    ];
    expect(await kinds(now)).toEqual(["created", "created", "created"]);
    expect(await kinds(later)).toEqual(["unchanged", "unchanged", "unchanged"]);
    expect(await database.auditLog(accountId)).toHaveLength(before + 3);
    expect(
      await imports.importOrganization({ ...organization, city: "Paris" }, mark(accountId, later)),
    ).toEqual({
      kind: "updated",
      id: "o-1",
    });
    await imports.importUser(userOf({ organizationId: "o-1" }), mark(accountId, later));
    const user = await database.storage.users.findUserByEmail(accountId, "ada@example.com");
    expect(user?.organization).toMatchObject({
      name: "Engines",
      createdAt: now,
      updatedAt: later,
      address: { city: "Paris", country: "" },
      reseller: { id: "r-1", email: "sales@example.com", allowedUsers: 5, updatedAt: now },
    });
  });

  test("without an id is found by its name; of several with one name none is", async () => {
    await using database = await open();
    const { imports } = database.storage;
    const { id: accountId } = await makeAccount(database.storage);
    const make = (id: string | null) => imports.importReseller({ id, name: "Resale" }, mark(accountId));
    const first = await make(null);
    expect(await make(null)).toEqual({ kind: "unchanged", id: first.id });
    expect(await make("r-2")).toEqual({ kind: "created", id: "r-2" });
    await expect(make(null)).rejects.toMatchObject({ code: "CONFLICT" });
  });

  test("with an id of another account is refused, and the other account's stays as it is", async () => {
    await using database = await open();
    const { imports } = database.storage;
    const [mine, others] = [await makeAccount(database.storage), await makeAccount(database.storage)];
    await imports.importReseller({ id: "r-1", name: "Resale" }, mark(others.id));
    await imports.importOrganization({ id: "o-1", name: "Engines" }, mark(others.id));
    await imports.importUser(userOf({ id: "u-1" }), mark(others.id));
    const attempts = [
      () => imports.importReseller({ id: "r-1", name: "Mine" }, mark(mine.id)),
      () => imports.importOrganization({ id: "o-1", name: "Mine" }, mark(mine.id)),
      () => imports.importUser(userOf({ id: "u-1", firstName: "Mine" }), mark(mine.id)),
    ];
    for (const attempt of attempts) await expect(attempt()).rejects.toMatchObject({ code: "CONFLICT" });
    expect(await database.storage.users.findUser(others.id, "u-1")).toMatchObject({ firstName: "Ada" });
  });

  test("that refers to another account's is refused", async () => {
    await using database = await open();
    const { imports } = database.storage;
    const [mine, others] = [await makeAccount(database.storage), await makeAccount(database.storage)];
    await imports.importReseller({ id: "r-1", name: "Resale" }, mark(others.id));
    await imports.importOrganization({ id: "o-1", name: "Engines" }, mark(others.id));
    await imports.importRole("auditor", mark(others.id));
    const attempts = [
      () => imports.importOrganization({ id: "o-2", name: "Mine", resellerId: "r-1" }, mark(mine.id)),
      () => imports.importUser(userOf({ organizationId: "o-1" }), mark(mine.id)),
      () => imports.importUser(userOf({ resellerId: "r-1" }), mark(mine.id)),
      () => imports.importUser(userOf({ roles: ["user", "auditor"] }), mark(mine.id)),
    ];
    for (const attempt of attempts)
      await expect(attempt()).rejects.toMatchObject({ code: "INVALID_REQUEST" });
    expect(await database.storage.users.findUserByEmail(mine.id, "ada@example.com")).toBeUndefined();
  });
}

function userContract(open: OpenStorage): void {
  const openReady = readyOf(open);

  test("is found by its id or its e-mail in any case, and changed where the line says something else", async () => {
    await using ready = await openReady();
    const { account, storage } = ready;
    await storage.imports.importUser(userOf({ id: "u-1", tags: ["beta"] }), mark(account.id));
    const byEmail = userOf({ email: "ADA@example.com", firstName: "Augusta", tags: undefined });
    expect(await storage.imports.importUser(byEmail, mark(account.id, later))).toEqual({
      kind: "updated",
      id: "u-1",
    });
    const byId = userOf({ id: "u-1", email: "new@example.com", firstName: "Augusta" });
    expect((await storage.imports.importUser(byId, mark(account.id, later))).kind).toBe("updated");
    expect((await storage.imports.importUser(byId, mark(account.id, later + 1))).kind).toBe("unchanged");
    expect(await storage.users.findUserByEmail(account.id, "NEW@example.com")).toMatchObject({
      id: "u-1",
      firstName: "Augusta",
      tags: ["beta"],
      createdAt: now,
      updatedAt: later,
    });
    expect(await storage.users.findUserByEmail(account.id, "ada@example.com")).toBeUndefined();
  });

  test("with the e-mail of another user of the account is refused", async () => {
    await using ready = await openReady();
    const { account, user, storage } = ready;
    const line = userOf({ id: "u-1", email: user.email.toUpperCase() });
    await expect(storage.imports.importUser(line, mark(account.id))).rejects.toMatchObject({
      code: "CONFLICT",
    });
  });

  test("that exists keeps its password and second factor, and spent recovery codes stay spent", async () => {
    await using ready = await openReady();
    const { account, user, storage } = ready;
    const codes = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
    await ready.enrol(user.id, {
      sealedSecret: Buffer.from("own secret"),
      lastAcceptedStep: 7,
      recoveryCodeHashes: codes.slice(1),
    });
    const line = userOf({
      email: user.email,
      credentials: {
        passwordHash: "$hash-of-the-file",
        twoFactor: { sealedSecret: Buffer.from("the file's"), recoveryCodeHashes: codes },
      },
    });
    expect((await storage.imports.importUser(line, mark(account.id, later))).kind).toBe("unchanged");
    const kept = await storage.login.findLoginUser(account.id, user.email);
    expect(kept).toMatchObject({ passwordHash: "$hash-1", passwordVersion: 1 });
    expect(Buffer.from(kept?.twoFactor?.sealedSecret ?? []).toString()).toBe("own secret");
    expect(kept?.twoFactor?.lastAcceptedStep).toBe(7);
    expect(await storage.login.hasRecoveryCode(user.id, codes[0] ?? Buffer.of())).toBe(false);
  });

  test("that is new gets its password, second factor and recovery codes, of two spellings one", async () => {
    await using ready = await openReady();
    const { account, storage } = ready;
    const hash = Buffer.alloc(32, 1);
    const twoFactor = { sealedSecret: Buffer.from("secret"), recoveryCodeHashes: [hash, hash] };
    const line = userOf({ id: "u-1", credentials: { passwordHash: "$hash-1", twoFactor } });
    await storage.imports.importUser(line, mark(account.id));
    const found = await storage.login.findLoginUser(account.id, "ada@example.com");
    expect(found).toMatchObject({ passwordHash: "$hash-1", passwordVersion: 1 });
    expect(Buffer.from(found?.twoFactor?.sealedSecret ?? []).toString()).toBe("secret");
    expect(await storage.login.hasRecoveryCode("u-1", hash)).toBe(true);
  });

  test("that was there when its line was prepared and is gone is refused, not made without a password", async () => {
    await using ready = await openReady();
    const line = userOf({ credentials: undefined });
    await expect(ready.storage.imports.importUser(line, mark(ready.account.id))).rejects.toMatchObject({
      code: "CONFLICT",
    });
  });

  test("has the roles that its line gives, and keeps the others where it gives one alone", async () => {
    await using ready = await openReady();
    const { account, storage } = ready;
    const roles = async (given: Partial<ImportedUser>) => {
      await storage.imports.importUser(userOf({ id: "u-1", ...given }), mark(account.id));
      const user = await storage.users.findUser(account.id, "u-1");
      return [user?.role, ...(user?.otherRoles ?? [])];
    };
    expect(await roles({})).toEqual(["user"]);
    expect(await roles({ roles: ["admin", "user"] })).toEqual(["admin", "user"]);
    expect(await roles({ role: "user", roles: ["admin", "user"] })).toEqual(["user", "admin"]);
    expect(await roles({ role: "reseller-admin" })).toEqual(["reseller-admin", "admin"]);
    expect(await roles({})).toEqual(["reseller-admin", "admin"]);
  });

  test("has the metadata of its line: keys that stay keep their ids, others come and go", async () => {
    await using ready = await openReady();
    const { account, storage } = ready;
    const item = (key: string, value: string) => ({
      newId: `${key}-${value}`,
      key,
      value,
      viewPermissions: [],
      visible: false,
    });
    const put = async (at: number, ...metadata: ReturnType<typeof item>[]) => {
      const { kind } = await storage.imports.importUser(
        userOf({ id: "u-1", metadata }),
        mark(account.id, at),
      );
      const user = await storage.users.findUser(account.id, "u-1");
      return { kind, kept: user?.metadata.map(({ id, value, updatedAt }) => [id, value, updatedAt]) };
    };
    const same = [
      ["a-1", "1", now],
      ["b-1", "1", now],
    ];
    expect(await put(now, item("a", "1"), item("b", "1"))).toEqual({ kind: "created", kept: same });
    expect(await put(later, item("a", "1"), item("b", "1"))).toEqual({ kind: "unchanged", kept: same });
    expect(await put(later, item("a", "2"), item("c", "1"))).toEqual({
      kind: "updated",
      kept: [
        ["a-1", "2", later],
        ["c-1", "1", later],
      ],
    });
    expect(await put(later)).toEqual({ kind: "updated", kept: [] });
  });

  test("loses its organization where the line says none, and its sessions where it is suspended", async () => {
    await using ready = await openReady();
    const { account, storage } = ready;
    await storage.imports.importOrganization({ id: "o-1", name: "Engines" }, mark(account.id));
    await storage.imports.importUser(userOf({ id: "u-1", organizationId: "o-1" }), mark(account.id));
    const line = userOf({ id: "u-1", organizationId: null, status: "suspended" });
    await storage.imports.importUser(line, mark(account.id, later));
    expect(await storage.users.findUser(account.id, "u-1")).toMatchObject({
      organization: null,
      status: "suspended",
    });
  });
}

function webhookContract(open: OpenStorage): void {
  test("is found by its id or name, and its token is changed only where the line brings another", async () => {
    await using database = await open();
    const { imports, webhooks } = database.storage;
    const { id: accountId } = await makeAccount(database.storage);
    const made = await makeWebhook(database.storage, { accountId, name: "crm" });
    const line = { id: null, name: "crm", url: made.url, events: made.events };
    expect(await imports.importWebhook(line, mark(accountId, later))).toEqual({
      kind: "unchanged",
      id: made.id,
    });
    const stored = await imports.findWebhook(accountId, { id: null, name: "crm" });
    expect(stored).toMatchObject({ id: made.id, signatureFormat: "cryptlex" });
    const sealedToken = secrets.seal("another", tokenBinding(made.id));
    const changed = { ...line, id: made.id, url: "https://example.com/new", active: false, sealedToken };
    expect((await imports.importWebhook(changed, mark(accountId, later))).kind).toBe("updated");
    const now = await imports.findWebhook(accountId, { id: made.id, name: "" });
    expect(secrets.open(now?.sealedToken ?? Buffer.of(), tokenBinding(made.id)).toString()).toBe("another");
    expect(await webhooks.listWebhooks(accountId, { afterId: "", limit: 10 })).toMatchObject([
      { url: "https://example.com/new", active: false, updatedAt: later },
    ]);
  });

  test("is one of at most a hundred of its account", async () => {
    await using database = await open();
    const { id: accountId } = await makeAccount(database.storage);
    const put = (name: string) => {
      const ids = mark(accountId);
      const sealedToken = secrets.seal("token", tokenBinding(ids.newId));
      return database.storage.imports.importWebhook(
        { id: null, name, url: "https://example.com", events: ["account.logged-in"], sealedToken },
        ids,
      );
    };
    for (let count = 0; count < mostWebhooksOfAnAccount; count += 1) await put(`w-${count}`);
    await expect(put("one more")).rejects.toMatchObject({ code: "CONFLICT" });
    expect((await put("w-7")).kind).toBe("updated");
  });
}
