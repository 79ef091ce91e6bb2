import type { Account } from "../../src/features/accounts/model.ts";
import { noRequest } from "../../src/features/audit/model.ts";
import type { FailureKind } from "../../src/features/login/lockout.ts";
import type { Failure, LoginRecord } from "../../src/features/login/store.ts";
import type { NewUser } from "../../src/features/users/store.ts";
import { newEventId } from "../../src/lib/ids.ts";
import { systemRandom } from "../../src/lib/random.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { freshId, makeAccount, makeUser, now, type Opened, type OpenStorage } from "./contract.ts";

export const minute = 60_000;
export const day = 24 * 60 * minute;

/** The key under which the failures of the ready user are counted. */
export const identity = Buffer.alloc(32, 1);
export const from = { address: "192.0.2.1", origin: "https://app.example.com", userAgent: "test/1" };

/** One account with one user that may log in. */
export type Ready = Opened & { account: Account; user: NewUser };
export type OpenReady = () => Promise<Ready>;

export function readyOf(open: OpenStorage): OpenReady {
  return async () => {
    const opened = await open();
    const account = await makeAccount(opened.storage, { alias: "Acme" });
    return { ...opened, account, user: await makeUser(opened.storage, { accountId: account.id }) };
  };
}

/** A login of the ready user that nothing stands against. */
export function loginOf({ account, user }: Ready, given: Partial<LoginRecord> = {}): LoginRecord {
  const at = given.now ?? now;
  return {
    identity,
    accountId: account.id,
    userId: user.id,
    passwordVersion: 1,
    proof: null,
    session: { id: freshId(), from, expiresAt: at + 90 * day },
    now: at,
    auditId: freshId(),
    eventId: newEventId(systemRandom, now),
    recovery: { auditId: freshId(), eventId: newEventId(systemRandom, now) },
    ...given,
  };
}

export function failureOf({ account, user }: Ready, kind: FailureKind, at: number): Failure {
  return {
    identity,
    kind,
    now: at,
    user: { id: user.id, accountId: account.id },
    from,
    auditIds: [freshId(), freshId()],
  };
}

export function inventedFailure(about: Uint8Array, at: number): Failure {
  return {
    identity: about,
    kind: "password",
    now: at,
    user: null,
    from: noRequest,
    auditIds: ["unused", "unused"],
  };
}

/** So many failures, one after the other, each with audit entries of its own. */
export async function fail(storage: Storage, failure: () => Failure, times: number): Promise<void> {
  for (let count = 0; count < times; count += 1) await storage.login.recordFailure(failure());
}
