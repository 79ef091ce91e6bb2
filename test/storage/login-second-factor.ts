import { expect, test } from "bun:test";
import type { LoginRecord } from "../../src/features/login/store.ts";
import { audit, now } from "./contract.ts";
import { loginOf, type OpenReady, type Ready } from "./login-ready.ts";

const step = Math.floor(now / 30_000);
const firstCode = Buffer.alloc(32, 2);
const secondCode = Buffer.alloc(32, 3);

export function secondFactorContract(openReady: OpenReady): void {
  const open = async (lastAcceptedStep = step - 1): Promise<Ready> => {
    const ready = await openReady();
    await ready.enrol(ready.user.id, {
      sealedSecret: Buffer.from("sealed"),
      lastAcceptedStep,
      recoveryCodeHashes: [firstCode, secondCode],
    });
    return ready;
  };
  const code = (of: number) => ({ kind: "code", step: of }) as const;
  const recovery = (hash: Uint8Array) => ({ kind: "recovery-code", hash }) as const;

  test("accepts each time step once, and none before an accepted one", async () => {
    await using ready = await open();
    const kindOf = async (proof: LoginRecord["proof"]) =>
      (await ready.storage.login.recordLogin(loginOf(ready, { proof }))).kind;
    expect(await kindOf(code(step + 1))).toBe("logged-in");
    expect(await kindOf(code(step + 1))).toBe("proof-spent");
    expect(await kindOf(code(step))).toBe("proof-spent");
    expect(await kindOf(code(step + 2))).toBe("logged-in");
    const user = await ready.storage.login.findLoginUser(ready.account.id, ready.user.email);
    expect(user?.twoFactor?.lastAcceptedStep).toBe(step + 2);
  });

  test("accepts each recovery code once, and says in the audit entry that it was one", async () => {
    await using ready = await open();
    const { login } = ready.storage;
    expect(await login.hasRecoveryCode(ready.user.id, firstCode)).toBe(true);
    const spend = () => login.recordLogin(loginOf(ready, { proof: recovery(firstCode) }));
    expect(await spend()).toMatchObject({ kind: "logged-in" });
    const audit = await ready.auditLog(ready.account.id);
    expect(audit.slice(-2).map(({ action, details }) => ({ action, details }))).toMatchObject([
      { action: "login.succeeded", details: { secondFactor: "recovery-code" } },
      { action: "two-factor.recovery-code-used", details: { left: 1 } },
    ]);
    expect(await spend()).toEqual({ kind: "proof-spent" });
    expect(await login.hasRecoveryCode(ready.user.id, firstCode)).toBe(false);
    expect(await login.hasRecoveryCode(ready.user.id, secondCode)).toBe(true);
  });

  test("knows a recovery code only as its own user's", async () => {
    await using ready = await open();
    expect(await ready.storage.login.hasRecoveryCode("another-user", firstCode)).toBe(false);
  });

  for (const [what, proof] of [
    ["time step", code(step)],
    ["recovery code", recovery(firstCode)],
  ] as const) {
    test(`gives one ${what} to one of many simultaneous logins, though two processes take them`, async () => {
      await using ready = await open();
      const storages = [ready.storage, await ready.connectAgain()];
      const outcomes = await Promise.all(
        Array.from({ length: 10 }, () => storages)
          .flat()
          .map((storage) => storage.login.recordLogin(loginOf(ready, { proof }))),
      );
      const kinds = outcomes.map(({ kind }) => kind);
      expect(kinds.filter((kind) => kind === "logged-in")).toHaveLength(1);
      expect(kinds.filter((kind) => kind === "proof-spent")).toHaveLength(19);
      expect(await ready.sessionEnds(ready.user.id)).toHaveLength(1);
    });
  }

  test("works again after an unlock where the clock had run ahead when a step was spent", async () => {
    await using ready = await open(step + 1_000);
    const { storage, account, user } = ready;
    const entry = audit("user.unlocked", { accountId: account.id, kind: "user", id: user.id });
    const tryNext = async () =>
      (await storage.login.recordLogin(loginOf(ready, { proof: code(step + 1) }))).kind;
    expect(await tryNext()).toBe("proof-spent");
    await storage.login.unlock(Buffer.alloc(32, 1), user.id, entry);
    expect(await tryNext()).toBe("logged-in");
  });

  test("keeps a spent step spent through an unlock", async () => {
    await using ready = await open(step);
    const { storage, account, user } = ready;
    await storage.login.unlock(
      Buffer.alloc(32, 1),
      user.id,
      audit("user.unlocked", { accountId: account.id, kind: "user", id: user.id }),
    );
    const again = await storage.login.recordLogin(loginOf(ready, { proof: code(step) }));
    expect(again.kind).toBe("proof-spent");
  });
}
