import { describe, expect, test } from "bun:test";
import type { SessionIdentity } from "../../src/features/sessions/model.ts";
import type { Rotation } from "../../src/features/sessions/store.ts";
import { newEventId } from "../../src/lib/ids.ts";
import { systemRandom } from "../../src/lib/random.ts";
import { audit, claimAll, freshId, makeUser, makeWebhook, now, type OpenStorage } from "./contract.ts";
import { day, from, loginOf, minute, type Ready, readyOf } from "./login-ready.ts";
import { signingKeysContract } from "./signing-keys.ts";

const grace = 30_000;
const idle = 30 * day;

/** A user with one session, and the login that made it at `now`. */
type LoggedIn = Ready & {
  session: SessionIdentity & { expiresAt: number };
  /** Presents the refresh token of a generation. */
  refresh(
    generation: number,
    given?: Partial<Rotation>,
  ): ReturnType<Ready["storage"]["sessions"]["rotateRefreshToken"]>;
};
type OpenLoggedIn = () => Promise<LoggedIn>;

function rotationOf(given: Partial<Rotation> & { sessionId: string; generation: number }): Rotation {
  return {
    now,
    grace,
    idle,
    from,
    auditId: freshId(),
    eventId: newEventId(systemRandom, now),
    ...given,
  };
}

/** What sessions, their refresh tokens and the keys of their access tokens ask of storage. */
export function sessionsContract(open: OpenStorage): void {
  const openLoggedIn: OpenLoggedIn = async () => {
    const ready = await readyOf(open)();
    const login = loginOf(ready);
    const outcome = await ready.storage.login.recordLogin(login);
    if (outcome.kind !== "logged-in") throw new Error(`the login was refused: ${outcome.kind}`);
    return {
      ...ready,
      session: { ...outcome.identity, expiresAt: login.session.expiresAt },
      refresh: (generation, given = {}) =>
        ready.storage.sessions.rotateRefreshToken(
          rotationOf({ sessionId: login.session.id, generation, ...given }),
        ),
    };
  };
  describe("a refresh token", () => rotationContract(openLoggedIn));
  describe("the end of a session", () => endContract(openLoggedIn));
  describe("signing keys", () => signingKeysContract(open));
}

function rotationContract(open: OpenLoggedIn): void {
  test("moves its session on to the next generation, each once, and shows that the user was there", async () => {
    await using loggedIn = await open();
    const { expiresAt: _, ...identity } = loggedIn.session;
    expect(await loggedIn.refresh(1, { now: now + minute })).toEqual({
      kind: "refreshed",
      identity,
      generation: 2,
    });
    expect(await loggedIn.refresh(2, { now: now + 2 * minute })).toMatchObject({ generation: 3 });
    const user = await loggedIn.storage.users.findUser(identity.accountId, identity.userId);
    expect(user).toMatchObject({ lastSeenAt: now + 2 * minute, lastLoginAt: now, updatedAt: now });
  });

  test("of the generation before gets the current one again within the grace, never a second branch", async () => {
    await using loggedIn = await open();
    await loggedIn.refresh(1, { now: now + minute });
    const lastMoment = now + minute + grace - 1;
    for (const at of [now + minute, lastMoment]) {
      expect(await loggedIn.refresh(1, { now: at })).toMatchObject({ kind: "refreshed", generation: 2 });
    }
    expect(await loggedIn.refresh(2, { now: lastMoment })).toMatchObject({ generation: 3 });
  });

  test("that was spent ends its session from the end of the grace on; the audit log and the webhooks say so", async () => {
    await using loggedIn = await open();
    const { storage, session } = loggedIn;
    const { id: webhookId } = await makeWebhook(storage, {
      accountId: session.accountId,
      events: ["session.reuse-detected"],
    });
    await loggedIn.refresh(1, { now: now + minute });
    const at = now + minute + grace;
    expect(await loggedIn.refresh(1, { now: at })).toEqual({ kind: "reuse" });
    expect(await loggedIn.sessionEnds(session.userId)).toEqual([
      { id: session.sessionId, endedAt: at, endReason: "reuse-detected" },
    ]);
    expect(await storage.sessions.findLiveSession(session.sessionId, at)).toBeUndefined();
    const audited = await loggedIn.auditLog(session.accountId);
    expect(audited.at(-1)).toMatchObject({
      at,
      action: "session.reuse-detected",
      actor: "server",
      target: { kind: "session", id: session.sessionId },
      from,
      details: { userId: session.userId, generation: 1, current: 2 },
    });
    // It is over for every generation, and is not told twice.
    expect(await loggedIn.refresh(2, { now: at })).toEqual({ kind: "refused" });
    expect(await loggedIn.refresh(1, { now: at })).toEqual({ kind: "refused" });
    expect(await loggedIn.auditLog(session.accountId)).toEqual(audited);
    expect((await claimAll(storage, webhookId)).map(({ body }) => JSON.parse(body).event)).toEqual([
      "session.reuse-detected",
    ]);
  });

  test("of an older generation is refused within the grace and ends nothing; after it, it is reuse", async () => {
    await using loggedIn = await open();
    await loggedIn.refresh(1, { now: now + minute });
    await loggedIn.refresh(2, { now: now + minute + 1 });
    const reachedAt = now + minute + 1;
    expect(await loggedIn.refresh(1, { now: reachedAt + grace - 1 })).toEqual({ kind: "refused" });
    expect(await loggedIn.refresh(3, { now: reachedAt + grace - 1 })).toMatchObject({ generation: 4 });
    expect(await loggedIn.refresh(1, { now: reachedAt + 2 * grace })).toEqual({ kind: "reuse" });
  });

  test("has no grace where that is set to nothing", async () => {
    await using loggedIn = await open();
    await loggedIn.refresh(1, { grace: 0 });
    expect(await loggedIn.refresh(1, { grace: 0 })).toEqual({ kind: "reuse" });
  });

  test("of a generation that was never reached is refused and ends nothing", async () => {
    await using loggedIn = await open();
    expect(await loggedIn.refresh(2)).toEqual({ kind: "refused" });
    expect(await loggedIn.refresh(0)).toMatchObject({ kind: "refreshed", generation: 1 });
    expect(await loggedIn.refresh(1)).toMatchObject({ kind: "refreshed", generation: 2 });
  });

  test("is good until its session was idle for too long, and each refresh begins that anew", async () => {
    await using loggedIn = await open();
    expect(await loggedIn.refresh(1, { now: now + idle - 1 })).toMatchObject({ generation: 2 });
    expect(await loggedIn.refresh(2, { now: now + 2 * idle - 2 })).toMatchObject({ generation: 3 });
    expect(await loggedIn.refresh(3, { now: now + 3 * idle - 2 })).toEqual({ kind: "refused" });
  });

  test("is good until the absolute end of its session, however often it is used", async () => {
    await using loggedIn = await open();
    const { expiresAt } = loggedIn.session;
    const unlimited = { idle: 1_000 * day };
    expect(await loggedIn.refresh(1, { ...unlimited, now: expiresAt - 1 })).toMatchObject({ generation: 2 });
    expect(await loggedIn.refresh(2, { ...unlimited, now: expiresAt })).toEqual({ kind: "refused" });
    // Not even a spent one is worth an alarm then.
    expect(await loggedIn.refresh(1, { ...unlimited, now: expiresAt + day })).toEqual({ kind: "refused" });
  });

  test("that is used by many at once, in two processes, makes one next generation", async () => {
    await using loggedIn = await open();
    const other = await loggedIn.connectAgain();
    const { sessionId } = loggedIn.session;
    const outcomes = await Promise.all(
      Array.from({ length: 10 }, () => [loggedIn.storage, other])
        .flat()
        .map((storage) => storage.sessions.rotateRefreshToken(rotationOf({ sessionId, generation: 1 }))),
    );
    for (const outcome of outcomes) expect(outcome).toMatchObject({ kind: "refreshed", generation: 2 });
    expect(await loggedIn.refresh(2)).toMatchObject({ generation: 3 });
  });

  test("of a session that never was is refused", async () => {
    await using loggedIn = await open();
    expect(await loggedIn.refresh(1, { sessionId: freshId() })).toEqual({ kind: "refused" });
  });
}

function endContract(open: OpenLoggedIn): void {
  const userOf = ({ user, account }: LoggedIn) => ({ id: user.id, accountId: account.id });
  const endings: Record<string, (loggedIn: LoggedIn) => Promise<unknown>> = {
    "a suspended user": (loggedIn) =>
      loggedIn.storage.users.setUserStatus(
        userOf(loggedIn),
        "suspended",
        audit("user.suspended", { ...userOf(loggedIn), kind: "user" }),
      ),
    "a changed password": (loggedIn) =>
      loggedIn.storage.users.changePassword(
        { userId: loggedIn.user.id, passwordHash: "$hash-2", keepSession: null, now },
        audit("user.password-changed", { ...userOf(loggedIn), kind: "user" }),
      ),
    "a suspended account": ({ storage, account }) =>
      storage.accounts.setAccountStatus(
        account.id,
        "suspended",
        audit("account.suspended", { accountId: account.id, kind: "account", id: account.id }),
      ),
  };
  for (const [what, happen] of Object.entries(endings)) {
    test(`comes with ${what}, for refreshes and for access tokens`, async () => {
      await using loggedIn = await open();
      await happen(loggedIn);
      expect(await loggedIn.refresh(1)).toEqual({ kind: "refused" });
      const { sessionId } = loggedIn.session;
      expect(await loggedIn.storage.sessions.findLiveSession(sessionId, now)).toBeUndefined();
    });
  }

  test("comes one by one, with an audit entry each, and only to the user's own that are not over", async () => {
    await using loggedIn = await open();
    const { storage, session, user } = loggedIn;
    const other = await makeUser(storage, { accountId: session.accountId });
    const entry = () =>
      audit("session.ended", { accountId: session.accountId, kind: "session", id: session.sessionId });
    const end = (userId: string) =>
      storage.sessions.endSession({ id: session.sessionId, userId, reason: "logout" }, entry());
    const before = (await loggedIn.auditLog(session.accountId)).length;
    expect(await end(other.id)).toBe(false);
    expect(await end(user.id)).toBe(true);
    expect(await end(user.id)).toBe(false);
    expect(await loggedIn.auditLog(session.accountId)).toHaveLength(before + 1);
    expect(await loggedIn.sessionEnds(user.id)).toEqual([
      { id: session.sessionId, endedAt: now, endReason: "logout" },
    ]);
    expect(await loggedIn.refresh(1)).toEqual({ kind: "refused" });
  });

  test("comes to all of a user but the one to keep, with one audit entry", async () => {
    await using loggedIn = await open();
    const { storage, session, user } = loggedIn;
    const later = [loginOf(loggedIn, { now: now + 1 }), loginOf(loggedIn, { now: now + 2 })];
    for (const login of later) await storage.login.recordLogin(login);
    const living = async () =>
      (await storage.sessions.listLiveSessions(session, { now: now + 3, idle })).map(({ id }) => id);
    const [second, third] = later.map((login) => login.session.id);
    expect(await living()).toEqual([third ?? "", second ?? "", session.sessionId]);

    const endAll = () =>
      storage.sessions.endSessions(
        { userId: user.id, except: second ?? "", reason: "logout" },
        audit("session.ended", { accountId: session.accountId, kind: "user", id: user.id }),
      );
    const before = (await loggedIn.auditLog(session.accountId)).length;
    expect(await endAll()).toBe(2);
    expect(await endAll()).toBe(0);
    expect(await living()).toEqual([second ?? ""]);
    expect(await loggedIn.auditLog(session.accountId)).toHaveLength(before + 1);
  });

  test("takes it from the list of live sessions, be it idle or absolute", async () => {
    await using loggedIn = await open();
    const { storage, session } = loggedIn;
    const list = (at: number, idleLimit: number) =>
      storage.sessions.listLiveSessions(session, { now: at, idle: idleLimit });
    expect(await list(now + idle - 1, idle)).toMatchObject([{ id: session.sessionId, ...from }]);
    expect(await list(now + idle, idle)).toEqual([]);
    expect(await list(session.expiresAt - 1, 1_000 * day)).toHaveLength(1);
    expect(await list(session.expiresAt, 1_000 * day)).toEqual([]);
  });

  test("is at its absolute end for access tokens too", async () => {
    await using loggedIn = await open();
    const { sessions } = loggedIn.storage;
    const { expiresAt, ...identity } = loggedIn.session;
    expect(await sessions.findLiveSession(identity.sessionId, expiresAt - 1)).toEqual(identity);
    expect(await sessions.findLiveSession(identity.sessionId, expiresAt)).toBeUndefined();
    expect(await sessions.findLiveSession(freshId(), now)).toBeUndefined();
  });
}
