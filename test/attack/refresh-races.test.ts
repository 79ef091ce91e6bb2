import { beforeAll, describe, expect, test } from "bun:test";
import { rowsOf } from "../support/database.ts";
import { type LoggedIn, logIn } from "../support/logged-in.ts";
import { type StartedBinary, startBinary } from "../support/postern.ts";
import { account, command, password, seededFolder, user, userPool } from "../support/seed.ts";

// Races, with real requests that are in flight together.

const pool = userPool("racer", 12);

let postern: StartedBinary;

beforeAll(async () => {
  postern = await startBinary({ dataDir: await seededFolder(pool.names.map((name) => user(name))) });
});

type Answer = { status: number; accessToken: string; refreshToken: string };

async function refresh(refreshToken: string): Promise<Answer> {
  const response = await postern.post("/v3/accounts/refresh", { refreshToken });
  return { status: response.status, ...JSON.parse(await response.text()) };
}

const refreshAtOnce = (token: string, times: number) =>
  Promise.all(Array.from({ length: times }, () => refresh(token)));

const sessionsOf = ({ userId }: LoggedIn) =>
  rowsOf<{ id: string; generation: number; end_reason: string | null }>(
    postern.dataDir,
    "SELECT id, generation, end_reason FROM sessions WHERE user_id = ?",
    userId,
  );

const reuses = ({ sessionId }: LoggedIn) =>
  rowsOf(
    postern.dataDir,
    "SELECT id FROM audit_log WHERE target_id = ? AND action = 'session.reuse-detected'",
    sessionId,
  ).length;

/** Holds that none of these answers leads anywhere any more. */
async function expectDead(answers: readonly Answer[]): Promise<void> {
  for (const { status, accessToken, refreshToken } of answers) {
    if (status !== 200) continue;
    expect((await refresh(refreshToken)).status).toBe(400);
    expect((await postern.get("/v3/me", { authorization: `Bearer ${accessToken}` })).status).toBe(401);
  }
}

describe("a hundred refreshes at once with one token", () => {
  test("are all answered the same successor, time after time, and leave one living family", async () => {
    const mine = await logIn(postern, pool.take());
    let token = mine.refreshToken;
    for (let round = 1; round <= 5; round += 1) {
      const answers = await refreshAtOnce(token, 100);
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
      const [successor = "", ...others] = new Set(answers.map(({ refreshToken }) => refreshToken));
      expect(others).toEqual([]);
      expect(successor).not.toBe(token);
      token = successor;
    }
    expect(sessionsOf(mine)).toEqual([{ id: mine.sessionId, generation: 6, end_reason: null }]);
    expect((await refresh(token)).status).toBe(200);
    expect(reuses(mine)).toBe(0);
  });

  test("among as many with its successor give each token one successor, and end nothing", async () => {
    const mine = await logIn(postern, pool.take());
    const { refreshToken: successor } = await refresh(mine.refreshToken);
    const both = Array.from({ length: 100 }, () => [mine.refreshToken, successor]).flat();
    const answers = await Promise.all(both.map(async (token) => ({ token, answer: await refresh(token) })));
    const [ofFirst = [], ofSecond = []] = [mine.refreshToken, successor].map((sent) =>
      answers.flatMap(({ token, answer }) => (token === sent ? answer : [])),
    );
    // The first token is either answered with its successor or, once that was spent too, refused.
    for (const { status, refreshToken } of ofFirst) {
      expect(status === 200 ? refreshToken : status).toBe(status === 200 ? successor : 400);
    }
    const seconds = new Set(ofSecond.map(({ status, refreshToken }) => `${status} ${refreshToken}`));
    expect(seconds.size).toBe(1);
    expect(sessionsOf(mine)).toEqual([{ id: mine.sessionId, generation: 3, end_reason: null }]);
    expect(reuses(mine)).toBe(0);
  });

  test("by tabs that each go on with what they were answered make one chain", async () => {
    const mine = await logIn(postern, pool.take());
    const successors = new Map<string, Set<string>>();
    const statuses = new Set<number>();
    let newest = mine.refreshToken;
    async function tab(): Promise<void> {
      let token = mine.refreshToken;
      for (let turn = 1; turn <= 10; turn += 1) {
        const answer = await refresh(token);
        statuses.add(answer.status);
        // One that fell behind by two takes what another tab has stored.
        if (answer.status !== 200) token = newest;
        else {
          successors.set(token, (successors.get(token) ?? new Set()).add(answer.refreshToken));
          token = answer.refreshToken;
          newest = token;
        }
      }
    }
    await Promise.all(Array.from({ length: 20 }, tab));
    expect([...successors.values()].filter(({ size }) => size !== 1)).toEqual([]);
    expect([...statuses].filter((status) => status !== 200 && status !== 400)).toEqual([]);
    expect(sessionsOf(mine)).toMatchObject([{ id: mine.sessionId, end_reason: null }]);
    const last = [...successors.values()]
      .flatMap((tokens) => [...tokens])
      .find((token) => !successors.has(token));
    expect((await refresh(last ?? newest)).status).toBe(200);
    expect(reuses(mine)).toBe(0);
  });

  test("among made-up tokens that name the session are answered all the same", async () => {
    const mine = await logIn(postern, pool.take());
    const genuine = Buffer.from(mine.refreshToken.slice(4), "base64url");
    const forged = Array.from({ length: 50 }, (_, index) => {
      const bytes = Buffer.from(genuine);
      bytes.writeUInt32BE(index, 16);
      bytes.fill(index, 20);
      return `ptr_${bytes.toString("base64url")}`;
    });
    const [refused, answered] = await Promise.all([
      Promise.all(forged.map(refresh)),
      refreshAtOnce(mine.refreshToken, 50),
    ]);
    expect(new Set(refused.map(({ status }) => status))).toEqual(new Set([400]));
    expect(new Set(answered.map(({ status }) => status))).toEqual(new Set([200]));
    expect(sessionsOf(mine)).toEqual([{ id: mine.sessionId, generation: 2, end_reason: null }]);
  });
});

describe("refreshes in flight while their session ends leave nothing alive:", () => {
  const endings: [string, (mine: LoggedIn) => Promise<unknown>][] = [
    ["a logout", (mine) => mine.call("POST", "/v3/accounts/logout")],
    [
      "the end of all others, asked by another session",
      async (mine) => (await logIn(postern, mine.email)).call("DELETE", "/v3/me/sessions?keepCurrent=true"),
    ],
    [
      "a change of password, made by another session",
      async (mine) =>
        (await logIn(postern, mine.email)).call("POST", "/v3/me/update-password", {
          oldPassword: password,
          newPassword: "a quite different pass phrase",
        }),
    ],
    [
      "the suspension of the user by a command",
      (mine) => command(postern.dataDir, ["user", "suspend", "--account", account.id, "--email", mine.email]),
    ],
  ];
  test.each(endings)("%s", async (_, end) => {
    const mine = await logIn(postern, pool.take());
    let over = false;
    const answers: Answer[] = [];
    async function goOn(): Promise<void> {
      let token = mine.refreshToken;
      for (;;) {
        const answer = await refresh(token);
        answers.push(answer);
        if (answer.status === 200) token = answer.refreshToken;
        else if (over) return;
        else token = answers.findLast(({ status }) => status === 200)?.refreshToken ?? token;
      }
    }
    const going = Array.from({ length: 8 }, goOn);
    await end(mine);
    over = true;
    await Promise.all(going);
    expect([...new Set(answers.map(({ status }) => status))].toSorted()).toEqual([200, 400]);
    expect(sessionsOf(mine).find(({ id }) => id === mine.sessionId)?.end_reason).not.toBe(null);
    expect(reuses(mine)).toBe(0);
    await expectDead(answers.slice(-20));
  });
});
