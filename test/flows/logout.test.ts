import { beforeAll, describe, expect, test } from "bun:test";
import { rowsOf } from "../support/database.ts";
import { call, type LoggedIn, logIn, outcomeOf } from "../support/logged-in.ts";
import { type StartedInProcess, startInProcess } from "../support/postern.ts";
import {
  account,
  command,
  createAccount,
  importRecords,
  seededFolder,
  user,
  userPool,
} from "../support/seed.ts";
import { stoppedClock } from "../support/stopped-clock.ts";
import { tokensOf } from "../support/tokens.ts";

const minute = 60_000;
const clock = stoppedClock();
const pool = userPool("leaver", 20);
const elsewhere = { id: "other-account", alias: "other" };

let postern: StartedInProcess;

beforeAll(async () => {
  const dataDir = await seededFolder(pool.names.map((name) => user(name)));
  await createAccount(dataDir, elsewhere);
  await importRecords(dataDir, [user("leaver-0")], elsewhere.id);
  postern = await startInProcess({ dataDir, clock });
});

const logOut = (given: { token?: string; body?: unknown }) =>
  call(postern, "POST", "/v3/accounts/logout", given);

const refresh = async ({ refreshToken }: { refreshToken: string }) =>
  outcomeOf(await postern.post("/v3/accounts/refresh", { refreshToken }));

/** Why a session ended; null while it has not. */
const endOf = ({ sessionId }: LoggedIn) =>
  rowsOf<{ end_reason: string | null }>(
    postern.dataDir,
    "SELECT end_reason FROM sessions WHERE id = ?",
    sessionId,
  )[0]?.end_reason;

async function expectEnded(who: LoggedIn): Promise<void> {
  expect(endOf(who)).toBe("logout");
  expect(await outcomeOf(await who.call("GET", "/v3/me"))).toBe("401 UNAUTHENTICATED");
  expect(await refresh(who)).toBe("400 INVALID_REFRESH_TOKEN");
}

describe("a logout", () => {
  test("by the access token, without a body, ends its session and no other of the user", async () => {
    const mine = await logIn(postern, pool.take());
    const other = await logIn(postern, mine.email);
    const response = await logOut({ token: mine.accessToken });
    expect([response.status, await response.text()]).toEqual([204, ""]);
    await expectEnded(mine);
    expect(await refresh(other)).toBe("200");
  });

  test("by the refresh token needs no access token", async () => {
    const mine = await logIn(postern, pool.take());
    expect((await logOut({ body: { refreshToken: mine.refreshToken } })).status).toBe(204);
    await expectEnded(mine);
  });

  test("is answered alike when it is repeated, by either token, and is recorded once", async () => {
    const mine = await logIn(postern, pool.take());
    for (let time = 1; time <= 3; time += 1) {
      expect((await logOut({ token: mine.accessToken })).status).toBe(204);
      expect((await logOut({ body: { refreshToken: mine.refreshToken } })).status).toBe(204);
    }
    const entries = rowsOf<{ action: string }>(
      postern.dataDir,
      "SELECT action FROM audit_log WHERE target_id = ?",
      mine.sessionId,
    );
    expect(entries).toEqual([{ action: "session.ended" }]);
  });

  test("by a spent refresh token ends the session too, as no reuse, within the grace and after it", async () => {
    for (const later of [0, 60 * minute]) {
      const mine = await logIn(postern, pool.take());
      const next = await tokensOf(
        await postern.post("/v3/accounts/refresh", { refreshToken: mine.refreshToken }),
      );
      clock.move(later);
      expect((await logOut({ body: { refreshToken: mine.refreshToken } })).status).toBe(204);
      expect(endOf(mine)).toBe("logout");
      expect(await refresh(next)).toBe("400 INVALID_REFRESH_TOKEN");
    }
  });

  test("of a suspended account's user holds after the account is resumed", async () => {
    const [byRefreshToken, byAccessToken] = [
      await logIn(postern, pool.take()),
      await logIn(postern, pool.take()),
    ];
    await command(postern.dataDir, ["account", "suspend", account.id]);
    expect((await logOut({ body: { refreshToken: byRefreshToken.refreshToken } })).status).toBe(204);
    expect((await logOut({ token: byAccessToken.accessToken })).status).toBe(204);
    await command(postern.dataDir, ["account", "resume", account.id]);
    await expectEnded(byRefreshToken);
    await expectEnded(byAccessToken);
  });

  test("takes the refresh token where both are sent, so that an expired access token is in no way", async () => {
    const mine = await logIn(postern, pool.take());
    clock.move(60 * minute);
    expect(await outcomeOf(await logOut({ token: mine.accessToken }))).toBe("401 UNAUTHENTICATED");
    const both = { token: mine.accessToken, body: { refreshToken: mine.refreshToken } };
    expect((await logOut(both)).status).toBe(204);
    await expectEnded(mine);
  });

  test.each([
    ["null", null],
    ["an empty one", ""],
    ["none", undefined],
  ])("with %s for a refresh token is one by the access token", async (_, refreshToken) => {
    const mine = await logIn(postern, pool.take());
    expect((await logOut({ token: mine.accessToken, body: { refreshToken } })).status).toBe(204);
    await expectEnded(mine);
  });

  test("with a token of another account ends the session of that token alone", async () => {
    const mine = await logIn(postern, "leaver-0@example.com");
    const other = await logIn(postern, "leaver-0@example.com", { accountId: elsewhere.id });
    expect((await logOut({ token: other.accessToken })).status).toBe(204);
    await expectEnded(other);
    expect(endOf(mine)).toBe(null);
    expect(await refresh(mine)).toBe("200");
  });
});

describe("a logout is refused", () => {
  test("without any token, or with one that is not good, as RFC 6750 says", async () => {
    const challenges: [Parameters<typeof logOut>[0], string][] = [
      [{}, 'Bearer realm="postern"'],
      [{ body: {} }, 'Bearer realm="postern"'],
      [{ token: "garbage" }, 'Bearer realm="postern", error="invalid_token"'],
      [{ token: `ptp_${"A".repeat(43)}` }, 'Bearer realm="postern", error="invalid_token"'],
    ];
    for (const [given, challenge] of challenges) {
      const response = await logOut(given);
      expect(response.headers.get("www-authenticate")).toBe(challenge);
      expect(await outcomeOf(response)).toBe("401 UNAUTHENTICATED");
    }
  });

  test("with a refresh token that was made up, though it name a session, and ends nothing", async () => {
    const mine = await logIn(postern, pool.take());
    const bytes = Buffer.from(mine.refreshToken.slice(4), "base64url");
    bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 1;
    for (const refreshToken of [`ptr_${bytes.toString("base64url")}`, mine.sessionId, mine.accessToken]) {
      // A good access token beside it does not make up for it.
      const response = await logOut({ token: mine.accessToken, body: { refreshToken } });
      expect(await outcomeOf(response)).toBe("400 INVALID_REFRESH_TOKEN");
    }
    expect(endOf(mine)).toBe(null);
  });

  test("with a refresh token that is no text, or of 4,097 characters, as no valid request", async () => {
    for (const refreshToken of [5, ["x"], "x".repeat(4_097)]) {
      expect(await outcomeOf(await logOut({ body: { refreshToken } }))).toBe("400 INVALID_REQUEST");
    }
    expect(await outcomeOf(await logOut({ body: { refreshToken: "x".repeat(4_096) } }))).toBe(
      "400 INVALID_REFRESH_TOKEN",
    );
  });
});
