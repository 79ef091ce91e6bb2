import { expect, test } from "bun:test";
import type { LoginOutcome, LoginRecord } from "../../src/features/login/store.ts";
import { audit, freshId, makeAccount, makeWebhook, now } from "./contract.ts";
import { fail, failureOf, identity, loginOf, minute, type OpenReady, type Ready } from "./login-ready.ts";

const recoveryCode = Buffer.alloc(32, 2);
const lastAcceptedStep = 58_000_000;

/** What happened between the checks of a login and its recording. */
const meanwhile = {
  "the identity was locked": (ready: Ready) =>
    fail(ready.storage, () => failureOf(ready, "password", now), 5),
  "the password was changed": ({ storage, account, user }: Ready) =>
    storage.users.changePassword(
      { userId: user.id, passwordHash: "$hash-2", keepSession: null, now },
      audit("user.password-changed", { accountId: account.id, kind: "user", id: user.id }),
    ),
  "a second factor was set up": ({ enrol, user }: Ready) =>
    enrol(user.id, {
      sealedSecret: Buffer.from("sealed"),
      lastAcceptedStep,
      recoveryCodeHashes: [recoveryCode],
    }),
  "the user was suspended": ({ storage, account, user }: Ready) =>
    storage.users.setUserStatus(
      { id: user.id, accountId: account.id },
      "suspended",
      audit("user.suspended", { accountId: account.id, kind: "user", id: user.id }),
    ),
  "the account was suspended": ({ storage, account }: Ready) =>
    storage.accounts.setAccountStatus(
      account.id,
      "suspended",
      audit("account.suspended", { accountId: account.id, kind: "account", id: account.id }),
    ),
} satisfies Record<string, (ready: Ready) => Promise<unknown>>;

type Happening = keyof typeof meanwhile;

type Refusal = { happened: Happening[]; login?: Partial<LoginRecord>; kind: LoginOutcome["kind"] };

const freshCode = { kind: "code", step: lastAcceptedStep + 1 } as const;

const refusals: Refusal[] = [
  { happened: ["the identity was locked"], kind: "locked" },
  { happened: ["the password was changed"], kind: "credentials-changed" },
  { happened: ["a second factor was set up"], kind: "proof-missing" },
  {
    happened: ["a second factor was set up"],
    login: { proof: { kind: "code", step: lastAcceptedStep } },
    kind: "proof-spent",
  },
  {
    happened: ["a second factor was set up"],
    login: { proof: { kind: "recovery-code", hash: Buffer.alloc(32, 3) } },
    kind: "proof-spent",
  },
  // The second factor was taken away meanwhile, and the code with it.
  { happened: [], login: { proof: freshCode }, kind: "proof-spent" },
  { happened: ["the account was suspended"], kind: "account-suspended" },
  { happened: ["the user was suspended"], kind: "user-suspended" },
  { happened: ["a second factor was set up"], login: { userId: freshId() }, kind: "credentials-changed" },

  // What stands first in the order of the login's checks is told first: a suspension only to who has everything right.
  { happened: ["the password was changed", "the identity was locked"], kind: "locked" },
  { happened: ["the user was suspended", "the password was changed"], kind: "credentials-changed" },
  { happened: ["the user was suspended", "a second factor was set up"], kind: "proof-missing" },
  { happened: ["the account was suspended", "a second factor was set up"], kind: "proof-missing" },
  {
    happened: ["the user was suspended", "a second factor was set up"],
    login: { proof: freshCode },
    kind: "user-suspended",
  },
  { happened: ["the user was suspended", "the account was suspended"], kind: "account-suspended" },
];

export function refusalContract(open: OpenReady): void {
  for (const { happened, login = {}, kind } of refusals) {
    const state = happened.join(" and ") || "nothing happened";
    test(`is ${kind} where ${state}${saidOf(login)}, and leaves nothing behind`, async () => {
      await using ready = await open();
      const webhook = await makeWebhook(ready.storage, { accountId: ready.account.id });
      for (const happening of happened) await meanwhile[happening](ready);
      const before = await everything(ready, webhook.id);
      const outcome = await ready.storage.login.recordLogin(loginOf(ready, { ...login, now: now + minute }));
      expect(outcome.kind).toBe(kind);
      expect(await everything(ready, webhook.id)).toEqual(before);
    });
  }

  test("is credentials-changed for a user of another account", async () => {
    await using ready = await open();
    const other = await makeAccount(ready.storage);
    const outcome = await ready.storage.login.recordLogin(loginOf(ready, { accountId: other.id }));
    expect(outcome.kind).toBe("credentials-changed");
    expect(await ready.sessionEnds(ready.user.id)).toEqual([]);
  });

  test("is told until when the identity is locked, and is recorded once that is over", async () => {
    await using ready = await open();
    const { login } = ready.storage;
    await fail(ready.storage, () => failureOf(ready, "password", now), 5);
    const lockedUntil = now + 5 * minute;
    const early = await login.recordLogin(loginOf(ready, { now: lockedUntil - 1 }));
    expect(early).toMatchObject({ kind: "locked", record: { lockedUntil } });
    expect(await login.recordLogin(loginOf(ready, { now: lockedUntil }))).toMatchObject({
      kind: "logged-in",
    });
  });
}

function saidOf({ proof, userId }: Partial<LoginRecord>): string {
  if (userId !== undefined) return " and the user is gone";
  if (proof?.kind === "recovery-code") return " and another recovery code was given";
  if (proof?.kind === "code")
    return ` and the code of ${proof.step > lastAcceptedStep ? "a new" : "the last"} step was given`;
  return "";
}

/** All that a login could leave behind or use up. */
async function everything({ storage, account, user, auditLog, sessionEnds }: Ready, webhookId: string) {
  return {
    user: await storage.users.findUser(account.id, user.id),
    loginUser: await storage.login.findLoginUser(account.id, user.email),
    recoveryCode: await storage.login.hasRecoveryCode(user.id, recoveryCode),
    failures: await storage.login.readFailures(identity),
    sessions: await sessionEnds(user.id),
    audit: await auditLog(account.id),
    due: await storage.outbox.nextDue([webhookId]),
  };
}
