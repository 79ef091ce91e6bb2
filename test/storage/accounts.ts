import { describe, expect, test } from "bun:test";
import type { Account } from "../../src/features/accounts/model.ts";
import { audit, freshId, makeAccount, now, type OpenStorage } from "./contract.ts";

/** What accounts ask of storage. */
export function accountContract(open: OpenStorage): void {
  describe("a new account", () => newAccountContract(open));
  describe("the first account", () => firstAccountContract(open));
  describe("a change of an account", () => changeContract(open));
}

function newAccountContract(open: OpenStorage): void {
  test("is found by its id, and by its alias in any case", async () => {
    await using database = await open();
    const account = await makeAccount(database.storage, { alias: "Acme-Corp" });
    for (const reference of [account.id, "Acme-Corp", "acme-corp", "ACME-CORP"]) {
      expect(await database.storage.accounts.findAccount(reference)).toEqual(account);
    }
    expect(await database.storage.accounts.findAccount("acme")).toBeUndefined();
  });

  test("is counted, so that its maker learns when callers must name theirs", async () => {
    await using database = await open();
    const make = async (alias: string) => {
      const account = newAccount({ alias });
      return database.storage.accounts.createAccount(account, created(account));
    };
    expect(await make("one")).toEqual({ accounts: 1 });
    expect(await make("two")).toEqual({ accounts: 2 });
  });

  const taken: [string, Partial<Account>][] = [
    ["the id of another", { id: "acme-id", alias: "new" }],
    ["the id of another in another case", { id: "ACME-ID", alias: "new" }],
    ["the alias of another in another case", { id: "new", alias: "ACME" }],
    ["an alias that is another's id", { id: "new", alias: "Acme-Id" }],
    ["an id that is another's alias", { id: "Acme", alias: "new" }],
  ];
  test.each(taken)("with %s is refused, and nothing is written", async (_case, given) => {
    await using database = await open();
    await makeAccount(database.storage, { id: "acme-id", alias: "acme" });
    const account = newAccount(given);
    const before = await database.auditLog(account.id);
    const creation = database.storage.accounts.createAccount(account, created(account));
    await expect(creation).rejects.toMatchObject({ code: "CONFLICT" });
    expect(await database.storage.accounts.listAccounts({ afterId: "", limit: 10 })).toHaveLength(1);
    expect(await database.auditLog(account.id)).toEqual(before);
  });

  test("may have its own id as its alias", async () => {
    await using database = await open();
    await makeAccount(database.storage, { id: "acme", alias: "acme" });
    expect(await database.storage.accounts.findAccount("acme")).toMatchObject({ id: "acme" });
  });

  test("made by two processes at once under one alias exists once", async () => {
    await using database = await open();
    const other = await database.connectAgain();
    const outcomes = await Promise.allSettled(
      [database.storage, other].map((storage) => {
        const account = newAccount({ alias: "acme" });
        return storage.accounts.createAccount(account, created(account));
      }),
    );
    expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  });

  test("is listed in the order of ids, a page at a time", async () => {
    await using database = await open();
    for (const id of ["c", "a", "b"]) await makeAccount(database.storage, { id });
    const page = (afterId: string) => database.storage.accounts.listAccounts({ afterId, limit: 2 });
    expect((await page("")).map(({ id }) => id)).toEqual(["a", "b"]);
    expect((await page("b")).map(({ id }) => id)).toEqual(["c"]);
    expect(await page("c")).toEqual([]);
  });
}

function firstAccountContract(open: OpenStorage): void {
  const first = () => ({
    id: freshId(),
    email: "admin@example.com",
    role: "super-admin",
    passwordHash: "$1",
  });

  test("is made with its first user where there is none", async () => {
    await using database = await open();
    const account = newAccount({ alias: "default" });
    const user = first();
    const make = () => database.storage.accounts.createFirstAccount(account, user, [created(account)]);
    expect(await make()).toBe(true);
    expect(await database.storage.accounts.findAccount("default")).toEqual(account);
    const found = await database.storage.users.findUserByEmail(account.id, user.email);
    expect(found).toMatchObject({ id: user.id, role: "super-admin", status: "active" });
    expect(await database.auditLog(account.id)).toHaveLength(1);
  });

  test("is not made where there is another", async () => {
    await using database = await open();
    await makeAccount(database.storage);
    const account = newAccount({ alias: "default" });
    expect(await database.storage.accounts.createFirstAccount(account, first(), [])).toBe(false);
    expect(await database.storage.accounts.findAccount("default")).toBeUndefined();
  });

  test("is made once by processes that start at once", async () => {
    await using database = await open();
    const others = [database.storage, await database.connectAgain(), await database.connectAgain()];
    const made = await Promise.all(
      others.map((storage, index) =>
        storage.accounts.createFirstAccount(newAccount({ alias: `first-${index}` }), first(), []),
      ),
    );
    expect(made.filter(Boolean)).toHaveLength(1);
    expect(await database.storage.accounts.listAccounts({ afterId: "", limit: 10 })).toHaveLength(1);
  });
}

function changeContract(open: OpenStorage): void {
  const later = now + 60_000;

  test("sets the status and its time, and is recorded", async () => {
    await using database = await open();
    const account = await makeAccount(database.storage);
    const target = { accountId: account.id, kind: "account", id: account.id } as const;
    const entry = audit("account.suspended", target, later);
    const suspended = await database.storage.accounts.setAccountStatus(account.id, "suspended", entry);
    expect(suspended).toEqual({ ...account, status: "suspended", updatedAt: later });
    expect(await database.storage.accounts.findAccount(account.id)).toEqual(suspended);
    expect((await database.auditLog(account.id)).at(-1)).toMatchObject({ id: entry.id, at: later });
  });

  test("to what is so already changes no time and is not recorded", async () => {
    await using database = await open();
    const account = await makeAccount(database.storage);
    const target = { accountId: account.id, kind: "account", id: account.id } as const;
    const { accounts } = database.storage;
    const status = await accounts.setAccountStatus(
      account.id,
      "active",
      audit("account.resumed", target, later),
    );
    const requirement = await accounts.requireTwoFactor(
      account.id,
      "none",
      audit("account.two-factor-requirement-changed", target, later),
    );
    expect([status, requirement]).toEqual([account, account]);
    expect(await database.auditLog(account.id)).toHaveLength(1);
  });

  test("requires a second factor of holders of roles that the account has", async () => {
    await using database = await open();
    const account = await makeAccount(database.storage);
    const target = { accountId: account.id, kind: "account", id: account.id } as const;
    const require = (roles: string[]) =>
      database.storage.accounts.requireTwoFactor(
        account.id,
        roles,
        audit("account.two-factor-requirement-changed", target, later),
      );
    await expect(require(["admin", "auditor"])).rejects.toMatchObject({ code: "INVALID_REQUEST" });
    await database.storage.imports.importRole("auditor", {
      accountId: account.id,
      now,
      auditId: freshId(),
      newId: freshId(),
    });
    expect(await require(["admin", "auditor"])).toMatchObject({ requireTwoFactor: ["admin", "auditor"] });
  });
}

function newAccount(given: Partial<Account>): Account {
  return {
    id: freshId(),
    alias: "acme",
    company: "Engines Ltd",
    status: "active",
    requireTwoFactor: "none",
    createdAt: now,
    updatedAt: now,
    ...given,
  };
}

function created(account: Account) {
  return audit("account.created", { accountId: account.id, kind: "account", id: account.id });
}
