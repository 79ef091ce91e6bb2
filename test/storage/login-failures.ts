import { expect, test } from "bun:test";
import { afterFailure, type FailureKind, noFailures } from "../../src/features/login/lockout.ts";
import type { LoginStore } from "../../src/features/login/store.ts";
import { audit, now } from "./contract.ts";
import {
  day,
  fail,
  failureOf,
  from,
  identity,
  inventedFailure,
  minute,
  type OpenReady,
} from "./login-ready.ts";

/** Invented identities that are remembered at most, and by how many they may exceed that until the next pruning. */
const mostInvented = 100_000;
const pruningSlack = 64;

export function failuresContract(open: OpenReady): void {
  test("are none of an identity that has none", async () => {
    await using ready = await open();
    expect(await ready.storage.login.readFailures(identity)).toEqual(noFailures);
  });

  test("are kept as the rule of the lock says, whatever factor failed", async () => {
    await using ready = await open();
    const { login } = ready.storage;
    const sequence: [FailureKind, number][] = [
      ["password", now],
      ["second-factor", now + minute],
      ["password", now + 7 * minute],
      ["second-factor", now + 8 * minute],
      ["second-factor", now + 9 * minute],
      ["second-factor", now + 10 * minute],
      ["second-factor", now + 11 * minute],
      ["second-factor", now + 16 * minute],
    ];
    let record = noFailures;
    for (const [kind, at] of sequence) {
      record = afterFailure(record, kind, at);
      expect(await login.recordFailure(failureOf(ready, kind, at))).toEqual({ kind: "counted" });
      expect(await login.readFailures(identity)).toEqual(record);
    }
    expect(record.secondFactor).toBe(6);
  });

  test("are not counted while the identity is locked, and are again from the end of the lock on", async () => {
    await using ready = await open();
    const { login } = ready.storage;
    await fail(ready.storage, () => failureOf(ready, "password", now), 5);
    const locked = await login.readFailures(identity);
    expect(locked.lockedUntil).toBe(now + 5 * minute);
    const tryAt = (at: number) => login.recordFailure(failureOf(ready, "password", at));
    expect(await tryAt(locked.lockedUntil - 1)).toEqual({ kind: "refused", record: locked });
    expect(await login.readFailures(identity)).toEqual(locked);
    expect(await tryAt(locked.lockedUntil)).toEqual({ kind: "counted" });
  });

  test("are five of ten at once, though two processes count them", async () => {
    await using ready = await open();
    const storages = [ready.storage, await ready.connectAgain()];
    const outcomes = await Promise.all(
      Array.from({ length: 5 }, () => storages)
        .flat()
        .map((storage) => storage.login.recordFailure(failureOf(ready, "password", now))),
    );
    expect(outcomes.filter(({ kind }) => kind === "counted")).toHaveLength(5);
    expect(outcomes.filter(({ kind }) => kind === "refused")).toHaveLength(5);
    for (const storage of storages) {
      expect((await storage.login.readFailures(identity)).recent).toHaveLength(5);
    }
  });

  test("of a user are told in the audit log, and the lock that the fifth one brings", async () => {
    await using ready = await open();
    const { storage, account, user } = ready;
    const before = (await ready.auditLog(account.id)).length;
    await fail(storage, () => failureOf(ready, "second-factor", now), 1);
    await fail(storage, () => failureOf(ready, "password", now), 4);
    const entries = (await ready.auditLog(account.id)).slice(before);
    expect(entries.map(({ action, details }) => [action, details])).toEqual([
      ["login.failed", { factor: "second-factor" }],
      ["login.failed", { factor: "password" }],
      ["login.failed", { factor: "password" }],
      ["login.failed", { factor: "password" }],
      ["login.failed", { factor: "password" }],
      ["login.locked", { until: now + 5 * minute }],
    ]);
    expect(entries[0]).toMatchObject({ actor: "user", target: { kind: "user", id: user.id }, from, at: now });
  });

  test("of an invented identity lock it in the same way, and are in no audit log", async () => {
    await using ready = await open();
    const { storage, account } = ready;
    const before = await ready.auditLog(account.id);
    const invented = Buffer.alloc(32, 9);
    await fail(storage, () => inventedFailure(invented, now), 5);
    expect(await storage.login.recordFailure(inventedFailure(invented, now + 1))).toMatchObject({
      kind: "refused",
      record: { lockedUntil: now + 5 * minute },
    });
    expect(await ready.auditLog(account.id)).toEqual(before);
  });

  test("are forgotten by an unlock, which is in the audit log", async () => {
    await using ready = await open();
    const { storage, account, user } = ready;
    await fail(storage, () => failureOf(ready, "second-factor", now), 5);
    const entry = audit("user.unlocked", { accountId: account.id, kind: "user", id: user.id });
    await storage.login.unlock(identity, user.id, entry);
    expect(await storage.login.readFailures(identity)).toEqual(noFailures);
    expect((await ready.auditLog(account.id)).at(-1)).toEqual(entry);
  });

  test("that have nothing left to say are pruned; those of a second factor stay until a login", async () => {
    await using ready = await open();
    const { storage } = ready;
    const [password, secondFactor] = [Buffer.alloc(32, 11), Buffer.alloc(32, 12)];
    await storage.login.recordFailure({ ...failureOf(ready, "password", now), identity: password });
    await storage.login.recordFailure({ ...failureOf(ready, "second-factor", now), identity: secondFactor });
    await storage.login.recordFailure(inventedFailure(identity, now));
    await inventMany(ready.storage.login, { count: pruningSlack, at: now + 5 * minute });
    expect((await storage.login.readFailures(password)).recent).toHaveLength(1);
    await inventMany(ready.storage.login, { count: pruningSlack, at: now + 5 * minute + 1 });
    expect(await storage.login.readFailures(password)).toEqual(noFailures);
    expect(await storage.login.readFailures(identity)).toEqual(noFailures);

    await inventMany(ready.storage.login, { count: pruningSlack, at: now + 400 * day });
    expect((await storage.login.readFailures(secondFactor)).secondFactor).toBe(1);
  });

  test(`of invented identities are kept for ${mostInvented} of them, the newest; those of users always`, async () => {
    await using ready = await open();
    const { login } = ready.storage;
    // The user's lock ends before everything that is invented: by age it would be the first to go.
    await fail(ready.storage, () => failureOf(ready, "password", now - minute), 5);
    const more = 3 * pruningSlack;
    await inventMany(login, { count: mostInvented + more, at: now, apart: 1 });

    expect((await login.readFailures(identity)).lockedUntil).toBe(now + 4 * minute);
    const remembered = async (number: number) =>
      (await login.readFailures(inventedIdentity(number))).recent.length === 1;
    expect(await remembered(0)).toBe(false);
    expect(await remembered(more - pruningSlack - 1)).toBe(false);
    expect(await remembered(more)).toBe(true);
    expect(await remembered(mostInvented + more - 1)).toBe(true);
  }, 60_000);
}

function inventedIdentity(number: number): Uint8Array {
  const bytes = Buffer.alloc(32, 255);
  bytes.writeUInt32BE(number);
  return bytes;
}

/** Failures of `count` identities that nobody else has, `apart` ms from each other. */
async function inventMany(login: LoginStore, given: { count: number; at: number; apart?: number }) {
  const { count, at, apart = 0 } = given;
  const slice = 1_000;
  for (let first = 0; first < count; first += slice) {
    const numbers = Array.from({ length: Math.min(slice, count - first) }, (_, index) => first + index);
    await Promise.all(
      numbers.map((number) =>
        login.recordFailure(inventedFailure(inventedIdentity(number), at + number * apart)),
      ),
    );
  }
}
