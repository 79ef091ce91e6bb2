import { describe, expect, test } from "bun:test";
import type { Enabling, Reauthentication } from "../../src/features/enrolment/store.ts";
import { newEventId } from "../../src/lib/ids.ts";
import { systemRandom } from "../../src/lib/random.ts";
import { audit, freshId, makeUser, makeWebhook, now, type OpenStorage } from "./contract.ts";
import { from, identity, loginOf, type Ready, readyOf } from "./login-ready.ts";

const step = Math.floor(now / 30_000);
const pendingSecret = Buffer.from("sealed, waiting");
const secret = Buffer.from("sealed, in force");
const hashes = [2, 3, 4].map((byte) => Buffer.alloc(32, byte));
const [firstHash = Buffer.alloc(0)] = hashes;
const eventId = () => newEventId(systemRandom, now);
const recovery = () => ({ auditId: freshId(), eventId: eventId() });

type Kept = Ready & { webhookId: string; sessionId: string };

/** What is asked of storage when a second factor is turned on, off, proved, or reset. */
export function enrolmentContract(open: OpenStorage): void {
  const openReady = readyOf(open);
  const openKept = async (): Promise<Kept> => {
    const ready = await openReady();
    const events = [
      "two-factor.enabled",
      "two-factor.disabled",
      "two-factor.recovery-code-used",
      "user.updated",
    ] as const;
    const webhook = await makeWebhook(ready.storage, { accountId: ready.account.id, events: [...events] });
    const login = loginOf(ready);
    await ready.storage.login.recordLogin(login);
    return { ...ready, webhookId: webhook.id, sessionId: login.session.id };
  };

  const owner = ({ account, user }: Kept) => ({ accountId: account.id, userId: user.id });
  const entry = (kept: Kept, action: Parameters<typeof audit>[0], at = now) =>
    audit(action, { accountId: kept.account.id, kind: "user", id: kept.user.id }, at);
  const keepPending = ({ storage, user }: Kept, waiting: Uint8Array = pendingSecret) =>
    storage.enrolment.keepPendingSecret({ userId: user.id, secret: waiting, expiresAt: now + 600_000 });
  const enable = (kept: Kept, given: Partial<Enabling> = {}) =>
    kept.storage.enrolment.enableTwoFactor(
      {
        ...owner(kept),
        pendingSecret,
        secret,
        step,
        passwordVersion: 1,
        sessionId: kept.sessionId,
        eventId: eventId(),
        ...given,
      },
      entry(kept, "two-factor.enabled"),
    );
  const disable = (kept: Kept, proof: Reauthentication["proof"]) =>
    kept.storage.enrolment.disableTwoFactor(
      { ...owner(kept), proof, identity, eventId: eventId(), recovery: recovery() },
      entry(kept, "two-factor.disabled"),
    );
  const replaceCodes = (kept: Kept) =>
    kept.storage.enrolment.replaceRecoveryCodes(
      { ...owner(kept), hashes },
      entry(kept, "two-factor.recovery-codes-replaced"),
    );
  const prove = (kept: Kept, given: Partial<Reauthentication> = {}) =>
    kept.storage.enrolment.recordReauthentication({
      ...owner(kept),
      sessionId: kept.sessionId,
      passwordVersion: 1,
      proof: null,
      identity,
      now: now + 1,
      from,
      recovery: recovery(),
      ...given,
    });
  const loginUser = ({ storage, account, user }: Kept) => storage.login.findLoginUser(account.id, user.email);
  const deliveries = async (kept: Kept) => (await kept.deliveries(kept.webhookId)).length;

  describe("a pending secret", () => {
    test("waits until its time is over, and no longer", async () => {
      await using kept = await openKept();
      await keepPending(kept);
      const find = (at: number) => kept.storage.enrolment.findPendingSecret(kept.user.id, at);
      expect(Buffer.from((await find(now + 599_999)) ?? [])).toEqual(pendingSecret);
      expect(await find(now + 600_000)).toBeUndefined();
      expect(await kept.storage.enrolment.findPendingSecret("another-user", now)).toBeUndefined();
    });

    test("touches no secret in force, and gives way to the next one", async () => {
      await using kept = await openKept();
      await keepPending(kept);
      await enable(kept);
      await keepPending(kept, Buffer.from("second"));
      await keepPending(kept, Buffer.from("third"));
      expect((await loginUser(kept))?.twoFactor).toEqual({ sealedSecret: secret, lastAcceptedStep: step });
      expect(Buffer.from((await kept.storage.enrolment.findPendingSecret(kept.user.id, now)) ?? [])).toEqual(
        Buffer.from("third"),
      );
    });
  });

  describe("enabling", () => {
    test("makes the secret the one in force, spends its step, and is written in the audit log and told", async () => {
      await using kept = await openKept();
      await keepPending(kept);
      expect(await enable(kept)).toMatchObject({ id: kept.user.id, twoFactorEnabled: true });
      expect((await loginUser(kept))?.twoFactor).toEqual({ sealedSecret: secret, lastAcceptedStep: step });
      const login = await kept.storage.login.recordLogin(loginOf(kept, { proof: { kind: "code", step } }));
      expect(login.kind).toBe("proof-spent");
      expect((await kept.auditLog(kept.account.id)).at(-1)?.action).toBe("two-factor.enabled");
      expect(await deliveries(kept)).toBe(1);
      expect(await kept.storage.enrolment.findSessionProof(kept.sessionId)).toEqual({
        provedAt: now,
        secondFactor: true,
      });
    });

    test("happens once to a pending secret, though two processes ask for it many times", async () => {
      await using kept = await openKept();
      await keepPending(kept);
      const storages = [kept.storage, await kept.connectAgain()];
      const outcomes = await Promise.all(
        Array.from({ length: 10 }, () => storages)
          .flat()
          .map((storage) => enable({ ...kept, storage })),
      );
      expect(outcomes.filter((outcome) => outcome !== undefined)).toHaveLength(1);
      expect(await deliveries(kept)).toBe(1);
    });

    test("does nothing with a secret that gave way to another", async () => {
      await using kept = await openKept();
      await keepPending(kept);
      await keepPending(kept, Buffer.from("second"));
      expect(await enable(kept)).toBeUndefined();
      expect((await loginUser(kept))?.twoFactor).toBeNull();
      expect(await deliveries(kept)).toBe(0);
    });

    test("does nothing in a session that has ended meanwhile", async () => {
      await using kept = await openKept();
      await keepPending(kept);
      await kept.storage.users.changePassword(
        { userId: kept.user.id, passwordHash: "$hash-2", keepSession: null, now },
        entry(kept, "user.password-changed"),
      );
      expect(await enable(kept)).toBeUndefined();
      expect((await loginUser(kept))?.twoFactor).toBeNull();
    });

    test("by a ticket makes all tickets void, replaces no second factor, and is not for a suspended user", async () => {
      await using kept = await openKept();
      const byTicket = () => enable(kept, { sessionId: null });
      await keepPending(kept);
      await kept.storage.users.setUserStatus(
        { id: kept.user.id, accountId: kept.account.id },
        "suspended",
        entry(kept, "user.suspended"),
      );
      expect(await byTicket()).toBeUndefined();
      await kept.storage.users.setUserStatus(
        { id: kept.user.id, accountId: kept.account.id },
        "active",
        entry(kept, "user.resumed"),
      );
      expect(await byTicket()).toMatchObject({ twoFactorEnabled: true });
      expect(await loginUser(kept)).toMatchObject({ passwordVersion: 2 });
      await keepPending(kept, Buffer.from("second"));
      expect(await enable(kept, { sessionId: null, pendingSecret: Buffer.from("second") })).toBeUndefined();
    });
  });

  describe("disabling", () => {
    const openEnabled = async (): Promise<Kept> => {
      const kept = await openKept();
      await keepPending(kept);
      await enable(kept);
      await replaceCodes(kept);
      return kept;
    };

    test("spends the code, forgets secret, waiting secret and recovery codes, and is told", async () => {
      await using kept = await openEnabled();
      await keepPending(kept);
      expect(await disable(kept, { kind: "code", step })).toBeUndefined();
      expect(await disable(kept, { kind: "code", step: step + 1 })).toMatchObject({
        twoFactorEnabled: false,
      });
      expect((await loginUser(kept))?.twoFactor).toBeNull();
      expect(await kept.storage.enrolment.findPendingSecret(kept.user.id, now)).toBeUndefined();
      for (const hash of hashes)
        expect(await kept.storage.login.hasRecoveryCode(kept.user.id, hash)).toBe(false);
      expect(await deliveries(kept)).toBe(2);
      expect(await disable(kept, null)).toBeUndefined();
    });

    test("with a recovery code tells of that, too, with the number left then", async () => {
      await using kept = await openEnabled();
      expect(await disable(kept, { kind: "recovery-code", hash: firstHash })).toMatchObject({
        twoFactorEnabled: false,
      });
      expect(
        (await kept.auditLog(kept.account.id)).slice(-2).map(({ action, details }) => [action, details]),
      ).toEqual([
        ["two-factor.recovery-code-used", { left: 2 }],
        ["two-factor.disabled", {}],
      ]);
      expect(await deliveries(kept)).toBe(3);
    });

    test("spends nothing where a recovery code is wrong", async () => {
      await using kept = await openEnabled();
      expect(await disable(kept, { kind: "recovery-code", hash: Buffer.alloc(32, 9) })).toBeUndefined();
      expect((await loginUser(kept))?.twoFactor).not.toBeNull();
      expect(await kept.storage.enrolment.findSecondFactor(owner(kept))).toEqual({
        enabledAt: now,
        recoveryCodesLeft: 3,
      });
    });
  });

  describe("a proof anew", () => {
    test("marks its own session, and spends what it brought", async () => {
      await using kept = await openKept();
      expect(await kept.storage.enrolment.findSessionProof(kept.sessionId)).toEqual({
        provedAt: now,
        secondFactor: false,
      });
      await keepPending(kept);
      await enable(kept, { sessionId: kept.sessionId });
      expect(await prove(kept, { proof: { kind: "code", step } })).toBe(false);
      expect(await prove(kept, { proof: { kind: "code", step: step + 1 } })).toBe(true);
      expect(await kept.storage.enrolment.findSessionProof(kept.sessionId)).toEqual({
        provedAt: now + 1,
        secondFactor: true,
      });
      expect(await kept.storage.enrolment.findSessionProof(freshId())).toBeUndefined();
    });

    test("is none once the password was changed, and spends nothing then", async () => {
      await using kept = await openKept();
      await keepPending(kept);
      await enable(kept);
      expect(await prove(kept, { passwordVersion: 2, proof: { kind: "code", step: step + 1 } })).toBe(false);
      expect((await loginUser(kept))?.twoFactor?.lastAcceptedStep).toBe(step);
    });

    test("marks no session of another user", async () => {
      await using kept = await openKept();
      const other = await makeUser(kept.storage, { accountId: kept.account.id });
      expect(await prove({ ...kept, user: other })).toBe(true);
      expect(await kept.storage.enrolment.findSessionProof(kept.sessionId)).toEqual({
        provedAt: now,
        secondFactor: false,
      });
    });
  });

  test("recovery codes are replaced all at once, and only where there is a second factor", async () => {
    await using kept = await openKept();
    expect(await replaceCodes(kept)).toBe(false);
    await keepPending(kept);
    await enable(kept);
    expect(await replaceCodes(kept)).toBe(true);
    expect(await replaceCodes(kept)).toBe(true);
    expect(await kept.storage.enrolment.findSecondFactor(owner(kept))).toEqual({
      enabledAt: now,
      recoveryCodesLeft: 3,
    });
  });

  test("a reset forgets everything, ends sessions and tickets, and is told as user.updated", async () => {
    await using kept = await openKept();
    await keepPending(kept);
    await enable(kept);
    await replaceCodes(kept);
    await keepPending(kept);
    const reset = await kept.storage.enrolment.resetTwoFactor(
      { ...owner(kept), identity, eventId: eventId() },
      entry(kept, "two-factor.reset"),
    );
    expect(reset).toMatchObject({ id: kept.user.id, twoFactorEnabled: false });
    expect(await loginUser(kept)).toMatchObject({ twoFactor: null, passwordVersion: 2 });
    expect(await kept.storage.enrolment.findPendingSecret(kept.user.id, now)).toBeUndefined();
    expect(await kept.storage.enrolment.findSecondFactor(owner(kept))).toBeUndefined();
    expect((await kept.sessionEnds(kept.user.id)).map(({ endReason }) => endReason)).toEqual([
      "two-factor-reset",
    ]);
    expect(await deliveries(kept)).toBe(2);
  });

  test("an unlock leaves the next step spent where it was: a phone that runs ahead used it", async () => {
    await using kept = await openKept();
    await keepPending(kept);
    await enable(kept, { step: step + 1 });
    await kept.storage.login.unlock(identity, kept.user.id, entry(kept, "user.unlocked"));
    expect((await loginUser(kept))?.twoFactor?.lastAcceptedStep).toBe(step + 1);
  });

  test("the highest time is kept through lower ones, and an audit entry counts as one", async () => {
    await using kept = await openKept();
    const { clock } = kept.storage;
    const far = now + 400 * 24 * 3_600_000;
    await clock.noteTime(far);
    expect(await clock.noteTime(now)).toBe(far);
    expect(await (await kept.connectAgain()).clock.noteTime(now)).toBe(far);
    await keepPending(kept);
    await kept.storage.enrolment.enableTwoFactor(
      {
        ...owner(kept),
        pendingSecret,
        secret,
        step,
        passwordVersion: 1,
        sessionId: kept.sessionId,
        eventId: eventId(),
      },
      entry(kept, "two-factor.enabled", far + 1),
    );
    expect(await clock.noteTime(now)).toBe(far + 1);
  });
}
