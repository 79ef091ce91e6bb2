import type { Account } from "../../src/features/accounts/model.ts";
import { type AuditAction, type AuditEntry, noRequest } from "../../src/features/audit/model.ts";
import type { NewUser } from "../../src/features/users/store.ts";
import type { NewWebhook } from "../../src/features/webhooks/store.ts";
import { tokenBinding } from "../../src/features/webhooks/token.ts";
import { newId } from "../../src/lib/ids.ts";
import { systemRandom } from "../../src/lib/random.ts";
import { makeSecrets } from "../../src/lib/secrets.ts";
import type { Storage } from "../../src/storage/storage.ts";

/**
 * What a backend brings to the contracts in this folder: a way to an empty database. The contracts ask everything else of
 * `Storage`, so that a second backend passes the same ones.
 */
export type OpenStorage = () => Promise<Opened>;

/** One database, new for each test: `await using database = await open()` removes it at the end of the test. */
export type Opened = AsyncDisposable & {
  storage: Storage;
  /** The same database seen from another process: a connection that shares nothing but the data. */
  connectAgain(): Promise<Storage>;
  /** Gives a user a second factor, as it is after enrolment. */
  enrol(userId: string, secondFactor: SecondFactor): Promise<void>;
  /** The account's audit entries, in the order in which they were written. */
  auditLog(accountId: string): Promise<KeptAuditEntry[]>;
  /** Every session of a user that there ever was, and why it is over. */
  sessionEnds(userId: string): Promise<{ id: string; endedAt: number | null; endReason: string | null }[]>;
  /** The deliveries of a webhook, in the order in which they were written. */
  deliveries(webhookId: string): Promise<KeptDelivery[]>;
  /** The attempts of a delivery, in the order in which they were made. */
  attempts(deliveryId: number): Promise<KeptAttempt[]>;
  /** Switches a webhook on or off, as its account may. */
  setActive(webhookId: string, active: boolean): Promise<void>;
};

export type KeptDelivery = {
  id: number;
  eventId: string;
  state: string;
  attempts: number;
  nextAttemptAt: number;
  endedAt: number | null;
};

export type KeptAttempt = {
  attempt: number;
  sentAt: number;
  answeredAt: number;
  status: number | null;
  error: string | null;
  reason: string | null;
  answer: string | null;
};

/** An audit entry as it was kept: its texts are whatever was written. */
export type KeptAuditEntry = Omit<AuditEntry, "action" | "target"> & {
  action: string;
  target: { kind: string; id: string };
};

export type SecondFactor = {
  sealedSecret: Uint8Array;
  lastAcceptedStep: number;
  recoveryCodeHashes: Uint8Array[];
};

/** The time of every contract: storage is told the time, and never asks for it. */
export const now = Date.UTC(2026, 0, 1, 12);

/** The server key that every backend is opened with. */
export const secrets = makeSecrets(new Uint8Array(32).fill(7), systemRandom);

/** An id that nothing has. */
export function freshId(): string {
  return newId(systemRandom, now);
}

export function audit(
  action: AuditAction,
  target: AuditEntry["target"] & { accountId: string },
  at = now,
): AuditEntry {
  const { accountId, ...of } = target;
  return {
    id: freshId(),
    accountId,
    at,
    action,
    actor: "operator",
    target: of,
    from: noRequest,
    details: {},
  };
}

export async function makeAccount(storage: Storage, given: Partial<Account> = {}): Promise<Account> {
  const id = given.id ?? freshId();
  const account: Account = {
    id,
    alias: `account-${id}`,
    company: "Engines Ltd",
    status: "active",
    requireTwoFactor: "none",
    createdAt: now,
    updatedAt: now,
    ...given,
  };
  await storage.accounts.createAccount(
    account,
    audit("account.created", { accountId: id, kind: "account", id }),
  );
  return account;
}

export async function makeUser(
  storage: Storage,
  given: Partial<NewUser> & { accountId: string },
): Promise<NewUser> {
  const id = given.id ?? freshId();
  const user: NewUser = {
    id,
    email: `user-${id}@example.com`,
    firstName: "Ada",
    lastName: "Lovelace",
    company: "",
    role: "user",
    passwordHash: "$hash-1",
    createdAt: now,
    ...given,
  };
  await storage.users.createUser(
    user,
    audit("user.created", { accountId: user.accountId, kind: "user", id }),
  );
  return user;
}

export async function makeWebhook(
  storage: Storage,
  given: Partial<NewWebhook> & { accountId: string },
): Promise<NewWebhook> {
  const id = given.id ?? freshId();
  const webhook: NewWebhook = {
    id,
    name: "crm",
    url: "https://example.com/hook",
    active: true,
    events: ["account.logged-in"],
    signatureFormat: "cryptlex",
    sealedToken: secrets.seal("a signing token", tokenBinding(id)),
    createdAt: now,
    ...given,
  };
  await storage.webhooks.createWebhook(
    webhook,
    audit("webhook.created", { accountId: webhook.accountId, kind: "webhook", id }),
  );
  return webhook;
}

/** Claims every delivery that waits for a webhook. */
export function claimAll(storage: Storage, webhookId: string) {
  const later = now + 3_600_000;
  return storage.outbox.claimDue({
    webhookId,
    claim: "test",
    now: later,
    leaseUntil: later + 60_000,
    limit: 1_000,
  });
}
