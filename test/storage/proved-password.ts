import { expect, test } from "bun:test";
import { audit, freshId, now, type OpenStorage } from "./contract.ts";
import { loginOf, readyOf } from "./login-ready.ts";

/** What is asked of storage when a user proved the password, which may be another one by the time that something is written. */
export function provedPasswordContract(open: OpenStorage): void {
  const openReady = readyOf(open);

  test("changes by a proved password hold while it has the version that was proved, and write nothing after", async () => {
    await using ready = await openReady();
    const { account, user, storage } = ready;
    const target = { accountId: account.id, kind: "user", id: user.id } as const;
    const change = (passwordHash: string, provedVersion: number) =>
      storage.users.changePassword(
        { userId: user.id, passwordHash, keepSession: null, now, provedVersion },
        audit("user.password-changed", target),
      );
    const rename = (company: string, provedVersion: number) =>
      storage.users.updateProfile(
        { id: user.id, accountId: account.id, provedVersion },
        { company },
        audit("user.profile-changed", target),
      );
    expect(await rename("First Ltd", 1)).toMatchObject({ company: "First Ltd" });
    expect(await change("$hash-2", 1)).toBe(true);
    const entries = (await ready.auditLog(account.id)).length;

    expect(await change("$hash-3", 1)).toBe(false);
    expect(await rename("Second Ltd", 1)).toBeUndefined();
    expect(await ready.auditLog(account.id)).toHaveLength(entries);
    expect(await storage.login.findLoginUser(account.id, user.email)).toMatchObject({
      passwordHash: "$hash-2",
      passwordVersion: 2,
    });
    expect(await storage.users.findUser(account.id, user.id)).toMatchObject({ company: "First Ltd" });

    expect(await change("$hash-3", 2)).toBe(true);
    expect(await rename("Third Ltd", 3)).toMatchObject({ company: "Third Ltd" });
  });

  test("a session's owner is known whatever has become of it, its user and its account", async () => {
    await using ready = await openReady();
    const { account, user, storage } = ready;
    const login = loginOf(ready);
    await storage.login.recordLogin(login);
    const { session } = login;
    const owner = { id: session.id, userId: user.id, accountId: account.id };
    expect(await storage.sessions.findSessionOwner(session.id)).toEqual(owner);
    await storage.accounts.setAccountStatus(
      account.id,
      "suspended",
      audit("account.suspended", { accountId: account.id, kind: "account", id: account.id }),
    );
    expect(await storage.sessions.findSessionOwner(session.id)).toEqual(owner);
    expect(await storage.sessions.findSessionOwner(freshId())).toBeUndefined();
  });
}
