import { beforeAll, describe, expect, test } from "bun:test";
import { cliOn } from "../support/cli.ts";
import { rowsOf } from "../support/database.ts";
import { call, logIn, outcomeOf } from "../support/logged-in.ts";
import { atEnd, type StartedInProcess, startInProcess } from "../support/postern.ts";
import { type Receiver, startReceiver } from "../support/receiver.ts";
import {
  account,
  command,
  createAccount,
  importRecords,
  password,
  seededFolder,
  user,
  userPool,
  webhook,
} from "../support/seed.ts";
import { stoppedClock } from "../support/stopped-clock.ts";
import {
  answerOf,
  beginEnrolment,
  type Enrolled,
  enrol,
  loginOutcome,
  recoveryCodesOf,
} from "../support/two-factor.ts";

const clock = stoppedClock();
const pool = userPool("lost", 20);
const elsewhere = { id: "other-account", alias: "other" };
const settings = { POSTERN_WEBHOOK_ALLOW_NETWORKS: "127.0.0.0/8" };

let postern: StartedInProcess;
let receiver: Receiver;

beforeAll(async () => {
  receiver = await startReceiver();
  atEnd(() => receiver.close());
  const dataDir = await seededFolder([
    ...pool.names.map((name) => user(name)),
    ...["admin-a", "admin-b"].map((name) => user(name, { role: "admin" })),
    ...["super-a", "super-b"].map((name) => user(name, { role: "super-admin" })),
    user("super-by-further-role", { role: "admin", roles: ["admin", "super-admin"] }),
    ...["organization-admin", "reseller-admin", "user"].map((role) => user(`a-${role}`, { role })),
  ]);
  await createAccount(dataDir, elsewhere);
  await importRecords(dataDir, [user("abroad"), user("admin-abroad", { role: "admin" })], elsewhere.id);
  await importRecords(
    dataDir,
    [webhook(receiver.url, "token", { events: ["user.updated"] })],
    account.id,
    settings,
  );
  // Commands have the system's time: what they write is due at once for a server whose clock is ahead of it.
  clock.move(60 * 60_000);
  postern = await startInProcess({ dataDir, clock, settings });
});

const resetBy = (token: string, userId: string) =>
  call(postern, "POST", `/v3/users/${userId}/reset-2fa`, { token });
const adminToken = async (name: string, accountId = account.id) =>
  (await logIn(postern, `${name}@example.com`, { accountId })).accessToken;
const idOf = async (name: string, accountId = account.id) =>
  (await logIn(postern, `${name}@example.com`, { accountId })).userId;
const personal = async (email: string, ...scopes: string[]) => {
  const named = ["--account", account.id, "--user", email, "--name", "ci", "--json"];
  const made = await command(postern.dataDir, [
    "token",
    "create",
    ...named,
    ...scopes.flatMap((scope) => ["--scope", scope]),
  ]);
  return String(JSON.parse(made)["token"]);
};
const audited = (userId: string) =>
  rowsOf<{ actor: string; details: string }>(
    postern.dataDir,
    "SELECT actor, details FROM audit_log WHERE target_id = ? AND action = 'two-factor.reset'",
    userId,
  ).map(({ actor, details }) => ({ actor, ...JSON.parse(details) }));

/** Everything of the second factor is gone, and everybody else learned of it. */
async function expectReset(lost: Enrolled, recoveryCode: string, by: object): Promise<void> {
  expect(JSON.parse((await receiver.next()).body.toString())).toEqual({
    event: "user.updated",
    triggeredAt: new Date(clock.now()).toISOString(),
    data: expect.objectContaining({ id: lost.userId, email: lost.email, twoFactorEnabled: false }),
  });
  expect(audited(lost.userId)).toEqual([by]);
  expect(await outcomeOf(await lost.call("GET", "/v3/me"))).toBe("401 UNAUTHENTICATED");
  const refreshed = await postern.post("/v3/accounts/refresh", { refreshToken: lost.refreshToken });
  expect(await outcomeOf(refreshed)).toBe("400 INVALID_REFRESH_TOKEN");
  expect(
    rowsOf(postern.dataDir, "SELECT end_reason AS reason FROM sessions WHERE user_id = ?", lost.userId),
  ).toEqual([{ reason: "two-factor-reset" }]);
  for (const table of ["two_factor", "pending_two_factor", "recovery_codes"]) {
    expect(rowsOf(postern.dataDir, `SELECT 1 FROM ${table} WHERE user_id = ?`, lost.userId)).toEqual([]);
  }
  expect(await loginOutcome(postern, lost.email)).toBe("200");
  const again = await enrol(postern, clock, lost.email);
  expect(await loginOutcome(postern, again.email, { twoFactorRecoveryCode: recoveryCode })).toBe(
    "INVALID_TWO_FACTOR_RECOVERY_CODE",
  );
}

async function lose(): Promise<{ lost: Enrolled; code: string }> {
  const lost = await enrol(postern, clock, pool.take());
  const [code = ""] = await recoveryCodesOf(lost);
  await beginEnrolment(postern, lost.accessToken);
  return { lost, code };
}

describe("a second factor that was lost with its recovery codes", () => {
  test("is reset by postern user reset-2fa, beside the running server", async () => {
    const { lost, code } = await lose();
    const ran = await cliOn(postern.dataDir)(
      ["user", "reset-2fa", "--account", account.alias, "--email", lost.email, "--json"],
      { settings },
    );
    expect([ran.code, ran.stderr]).toEqual([0, ""]);
    expect(ran.record()).toMatchObject({ id: lost.userId, twoFactorEnabled: false });
    const { triggeredAt, ...event } = JSON.parse((await receiver.next()).body.toString());
    expect(event).toEqual({
      event: "user.updated",
      data: expect.objectContaining({ id: lost.userId, twoFactorEnabled: false }),
    });
    expect(triggeredAt).toMatch(/Z$/);
    expect(audited(lost.userId)).toEqual([{ actor: "operator", by: null }]);
    expect(await outcomeOf(await lost.call("GET", "/v3/me"))).toBe("401 UNAUTHENTICATED");
    expect(await loginOutcome(postern, lost.email, { twoFactorRecoveryCode: code })).toBe("200");
  });

  test("is reset by an admin's call", async () => {
    const { lost, code } = await lose();
    const admin = await logIn(postern, "admin-a@example.com");
    const response = await resetBy(admin.accessToken, lost.userId);
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(await answerOf(response)).toMatchObject({ id: lost.userId, twoFactorEnabled: false });
    await expectReset(lost, code, { actor: "user", by: admin.userId });
  });

  test("is reset by an admin's personal access token with the scope users:write", async () => {
    const { lost, code } = await lose();
    const token = await personal("admin-a@example.com", "users:write");
    expect(await outcomeOf(await resetBy(token, lost.userId))).toBe("200");
    await expectReset(lost, code, { actor: "user", by: await idOf("admin-a") });
  });

  test("is the same where its user is locked: the lock stays until it is over or lifted", async () => {
    const { lost } = await lose();
    for (let failure = 0; failure < 5; failure += 1)
      await loginOutcome(postern, lost.email, { twoFactorCode: "abcdef" });
    expect(await outcomeOf(await resetBy(await adminToken("admin-a"), lost.userId))).toBe("200");
    await receiver.next();
    expect(await loginOutcome(postern, lost.email)).toBe("LOGIN_TEMPORARILY_LOCKED");
    await command(postern.dataDir, ["user", "unlock", "--account", account.id, "--email", lost.email]);
    expect(await loginOutcome(postern, lost.email)).toBe("200");
  });
});

describe("POST /v3/users/{id}/reset-2fa is refused", () => {
  let victim: Enrolled;
  beforeAll(async () => {
    victim = await enrol(postern, clock, pool.take());
  });

  test.each(["a-organization-admin", "a-reseller-admin", "a-user"])("to %s", async (name) => {
    expect(await outcomeOf(await resetBy(await adminToken(name), victim.userId))).toBe("403 FORBIDDEN");
  });

  test("to an admin's personal access token without the scope", async () => {
    for (const scope of ["users:read", "webhooks:write"]) {
      expect(
        await outcomeOf(await resetBy(await personal("admin-a@example.com", scope), victim.userId)),
      ).toBe("403 FORBIDDEN");
    }
  });

  test("to a personal access token with the scope, of a user who is no admin", async () => {
    expect(
      await outcomeOf(await resetBy(await personal("a-user@example.com", "users:write"), victim.userId)),
    ).toBe("403 FORBIDDEN");
  });

  test("for a user of another account, as if there were none", async () => {
    const token = await adminToken("admin-abroad", elsewhere.id);
    const [theirs, nobody] = [await resetBy(token, victim.userId), await resetBy(token, "nobody")];
    expect([theirs.status, await theirs.text()]).toEqual([nobody.status, await nobody.text()]);
    expect(theirs.status).toBe(404);
    expect(await outcomeOf(await resetBy(token, await idOf("abroad", elsewhere.id)))).toBe("200");
  });

  test.each(["super-a", "super-by-further-role"])(
    "to an admin for %s, whom a super-admin may reset",
    async (name) => {
      const target = await idOf(name);
      expect(await outcomeOf(await resetBy(await adminToken("admin-a"), target))).toBe("403 FORBIDDEN");
      expect(await outcomeOf(await resetBy(await adminToken("super-b"), target))).toBe("200");
      await receiver.next();
    },
  );

  test("to everybody for themselves: a stolen token is no way round the code that turning it off takes", async () => {
    for (const name of ["admin-b", "super-b"]) {
      const mine = await enrol(postern, clock, `${name}@example.com`);
      const refused = await resetBy(mine.accessToken, mine.userId);
      expect([refused.status, await refused.json()]).toEqual([
        403,
        { code: "FORBIDDEN", message: expect.stringContaining("PATCH /v3/me") },
      ]);
      expect(await outcomeOf(await resetBy(await personal(mine.email, "users:write"), mine.userId))).toBe(
        "403 FORBIDDEN",
      );
      expect(await loginOutcome(postern, mine.email)).toBe("MISSING_TWO_FACTOR_CODE");
    }
  });

  test("and nothing of it happened", async () => {
    expect(audited(victim.userId)).toEqual([]);
    expect(await outcomeOf(await victim.call("GET", "/v3/me/2fa"))).toBe("200");
    expect(await loginOutcome(postern, victim.email, { password, twoFactorCode: victim.code(1) })).toBe(
      "200",
    );
  });
});

test("postern user reset-2fa says that there is no such user", async () => {
  const ran = await cliOn(postern.dataDir)([
    "user",
    "reset-2fa",
    "--account",
    account.alias,
    "--email",
    "nobody@example.com",
  ]);
  expect([ran.code, ran.stdout]).toEqual([1, ""]);
  expect(ran.stderr).toContain("nobody@example.com");
});
