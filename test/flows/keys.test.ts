import { beforeAll, describe, expect, test } from "bun:test";
import { rowsOf } from "../support/database.ts";
import { call, logIn, outcomeOf } from "../support/logged-in.ts";
import { type Client, startBinary, startInProcess, temporaryFolder } from "../support/postern.ts";
import { command, createAccount, seededFolder, user } from "../support/seed.ts";
import { type StoppedClock, stoppedClock } from "../support/stopped-clock.ts";
import { partOf, tokensOf } from "../support/tokens.ts";

const second = 1_000;
const minute = 60 * second;
const ada = "ada@example.com";

type Key = { id: string; state: string; createdAt: string; signsFrom: string; publishedUntil: string | null };

const rotate = async (
  dataDir: string,
  { now = false, ahead = "10m" }: { now?: boolean; ahead?: string } = {},
): Promise<Key> =>
  JSON.parse(
    await command(dataDir, ["keys", "rotate", ...(now ? ["--now"] : []), "--json"], {
      settings: { POSTERN_KEY_PUBLISH_AHEAD: ahead },
    }),
  );

const listed = async (dataDir: string): Promise<Key[]> =>
  JSON.parse(await command(dataDir, ["keys", "list", "--json"]));

async function publishedBy(client: Client): Promise<string[]> {
  const { keys } = JSON.parse(await (await client.get("/.well-known/jwks.json")).text());
  return keys.map(({ kid }: { kid: string }) => kid);
}

/** Asks until the server publishes exactly these keys. */
async function untilPublished(client: Client, kids: readonly string[]): Promise<void> {
  while ((await publishedBy(client)).toSorted().join() !== kids.toSorted().join());
}

const kidOf = (token: string) => String(partOf(token, 0)["kid"]);
const signedNow = async (client: Client) => (await logIn(client, ada)).accessToken;
const me = async (client: Client, token: string) => outcomeOf(await call(client, "GET", "/v3/me", { token }));

/** Sets the clock to a time, or so many ms after it. */
function setTo(clock: StoppedClock, time: string | number | null, after = 0): void {
  const target = typeof time === "string" ? Date.parse(time) : (time ?? 0);
  clock.move(target + after - clock.now());
}

describe("a rotation beside a running server", () => {
  test("publishes the new key first, signs with it from its time on, and keeps the old one until its last token has expired", async () => {
    const clock = stoppedClock();
    const postern = await startInProcess({ dataDir: await seededFolder([user("ada")]), clock });
    const first = kidOf(await signedNow(postern));
    const next = await rotate(postern.dataDir);
    await untilPublished(postern, [first, next.id]);
    const [old] = await listed(postern.dataDir);

    setTo(clock, next.signsFrom, -1);
    const lastOfOld = await signedNow(postern);
    expect(kidOf(lastOfOld)).toBe(first);
    setTo(clock, next.signsFrom);
    const firstOfNew = await signedNow(postern);
    expect(kidOf(firstOfNew)).toBe(next.id);
    expect(await me(postern, lastOfOld)).toBe("200");

    const expiry = Number(partOf(lastOfOld, 1)["exp"]) * second;
    setTo(clock, expiry, 30 * second - 1);
    expect(await me(postern, lastOfOld)).toBe("200");
    setTo(clock, old?.publishedUntil ?? null, -1);
    expect((await publishedBy(postern)).toSorted()).toEqual([first, next.id].toSorted());
    setTo(clock, old?.publishedUntil ?? null);
    expect(await publishedBy(postern)).toEqual([next.id]);
    expect(await me(postern, lastOfOld)).toBe("401 UNAUTHENTICATED");
    expect(kidOf(await signedNow(postern))).toBe(next.id);
  });

  test("that is repeated with a shorter time ahead signs with the newest key alone, and cuts no token short", async () => {
    const clock = stoppedClock();
    const postern = await startInProcess({ dataDir: await seededFolder([user("ada")]), clock });
    const first = kidOf(await signedNow(postern));
    const another = await rotate(postern.dataDir, { ahead: "10m" });
    const third = await rotate(postern.dataDir, { ahead: "1m" });
    await untilPublished(postern, [first, another.id, third.id]);
    setTo(clock, third.signsFrom, -1);
    expect(kidOf(await signedNow(postern))).toBe(first);
    for (const time of [third.signsFrom, another.signsFrom]) {
      setTo(clock, time);
      const token = await signedNow(postern);
      expect(kidOf(token)).toBe(third.id);
      setTo(clock, Number(partOf(token, 1)["exp"]) * second);
      expect(await me(postern, token)).toBe("200");
      setTo(clock, time);
    }
    setTo(clock, another.signsFrom, 60 * minute);
    expect(await publishedBy(postern)).toEqual([third.id]);
  });

  test("keeps the old key for the tokens of a server that was started again with a longer life for them", async () => {
    const clock = stoppedClock();
    const before = await startInProcess({ dataDir: await seededFolder([user("ada")]), clock });
    const first = kidOf(await signedNow(before));
    const next = await rotate(before.dataDir);
    await before.server.stop();
    const settings = { POSTERN_ACCESS_TOKEN_TTL: "1h" };
    const postern = await startInProcess({ dataDir: before.dataDir, clock, settings });
    setTo(clock, next.signsFrom, -1);
    const token = await signedNow(postern);
    expect(kidOf(token)).toBe(first);
    setTo(clock, Number(partOf(token, 1)["exp"]) * second);
    expect(await publishedBy(postern)).toContain(first);
    expect(await me(postern, token)).toBe("200");
    setTo(clock, Number(partOf(token, 1)["exp"]) * second, 2 * minute);
    expect(await publishedBy(postern)).toEqual([next.id]);
  });

  test("is noticed within 2 s, without a restart", async () => {
    const postern = await startBinary({ dataDir: await seededFolder([user("ada")]) });
    const [first = ""] = await publishedBy(postern);
    const next = await rotate(postern.dataDir);
    const begun = performance.now();
    await untilPublished(postern, [first, next.id]);
    expect(performance.now() - begun).toBeLessThan(2_000);
  });
});

describe("a rotation with --now", () => {
  test("withdraws the old key and its tokens at once; who is logged in goes on by a refresh", async () => {
    const postern = await startBinary({ dataDir: await seededFolder([user("ada")]) });
    const { accessToken, refreshToken } = await logIn(postern, ada);
    const first = kidOf(accessToken);
    const next = await rotate(postern.dataDir, { now: true });
    const begun = performance.now();
    await untilPublished(postern, [next.id]);
    expect(performance.now() - begun).toBeLessThan(2_000);

    const refused = await call(postern, "GET", "/v3/me", { token: accessToken });
    expect(refused.status).toBe(401);
    expect(refused.headers.get("www-authenticate")).toBe('Bearer realm="postern", error="invalid_token"');
    const renewed = await tokensOf(await postern.post("/v3/accounts/refresh", { refreshToken }));
    expect(kidOf(renewed.accessToken)).toBe(next.id);
    expect(await me(postern, renewed.accessToken)).toBe("200");
    expect((await listed(postern.dataDir)).map(({ id, state }) => [id, state])).toEqual([
      [first, "withdrawn"],
      [next.id, "signing"],
    ]);
  });

  test("withdraws also a key that was published and did not sign yet, and one that retired", async () => {
    const clock = stoppedClock();
    const postern = await startInProcess({ dataDir: await seededFolder([user("ada")]), clock });
    await rotate(postern.dataDir, { ahead: "0s" });
    await rotate(postern.dataDir);
    const emergency = await rotate(postern.dataDir, { now: true });
    expect((await listed(postern.dataDir)).map(({ state }) => state)).toEqual([
      "withdrawn",
      "withdrawn",
      "withdrawn",
      "signing",
    ]);
    clock.move(minute);
    await untilPublished(postern, [emergency.id]);
    expect(kidOf(await signedNow(postern))).toBe(emergency.id);
  });
});

describe("postern keys list", () => {
  let dataDir = "";

  beforeAll(async () => {
    const postern = await startInProcess({ dataDir: await seededFolder([]) });
    ({ dataDir } = postern);
  });

  test("says of each key what it does, in the order in which they were made, and shows no private one", async () => {
    const states = async () => (await listed(dataDir)).map(({ state }) => state);
    expect(await states()).toEqual(["signing"]);
    await rotate(dataDir, { ahead: "0s" });
    expect(await states()).toEqual(["retiring", "signing"]);
    const last = await rotate(dataDir);
    expect(await states()).toEqual(["retiring", "signing", "published"]);
    expect(last).toMatchObject({ state: "published", publishedUntil: null });
    expect(Date.parse(last.signsFrom) - Date.parse(last.createdAt)).toBe(10 * minute);

    const keys = await listed(dataDir);
    expect(keys.at(-1)).toEqual(last);
    for (const key of keys) {
      expect(Object.keys(key)).toEqual(["id", "state", "createdAt", "signsFrom", "publishedUntil"]);
    }
    const table = await command(dataDir, ["keys", "list"]);
    for (const { id, state } of keys) expect(table).toMatch(new RegExp(`${id} +${state}`));
  });

  test("shows what a rotation said, to a person too", async () => {
    const said = await command(dataDir, ["keys", "rotate"]);
    const last = (await listed(dataDir)).at(-1);
    expect(said).toBe(`The key ${last?.id} is published, and signs from ${last?.signsFrom} on.\n`);
    expect(await command(dataDir, ["keys", "rotate", "--now"])).toMatch(
      /^The key [\w-]{43} signs from now on; all others are withdrawn/,
    );
  });
});

test("a key that was made before the first start signs from that start on", async () => {
  const dataDir = temporaryFolder();
  await createAccount(dataDir, { id: "a-1", alias: "a-1" });
  expect(await listed(dataDir)).toEqual([]);
  const made = await rotate(dataDir);
  const postern = await startInProcess({ dataDir });
  expect(await publishedBy(postern)).toEqual([made.id]);
  expect(kidOf((await logInAs(postern, dataDir)).accessToken)).toBe(made.id);
});

async function logInAs(postern: Client, dataDir: string) {
  const made = ["user", "create", "--account", "a-1", "--email", ada, "--password-stdin"];
  await command(dataDir, [...made, "--first-name", "Ada", "--last-name", "L"], {
    input: "correct horse battery",
  });
  return logIn(postern, ada, { accountId: "a-1", secret: "correct horse battery" });
}

test("private keys lie in the database sealed", async () => {
  const postern = await startInProcess({ dataDir: await seededFolder([]) });
  const [row] = rowsOf<{ private_key: Uint8Array }>(postern.dataDir, "SELECT private_key FROM signing_keys");
  // What every PKCS #8 of this curve begins with, and the end of it: the names of the algorithm and of the curve.
  const curve = Buffer.from("06082a8648ce3d030107", "hex");
  expect(Buffer.from(row?.private_key ?? []).includes(curve)).toBe(false);
  expect(row?.private_key.length).toBeGreaterThan(100);
});

test.each([
  ["10m", 300],
  ["1h", 300],
  ["9m", 270],
  ["1m", 30],
  ["1s", 0],
  ["0s", 0],
])(
  "with POSTERN_KEY_PUBLISH_AHEAD=%s the key set may be kept for %d s: whoever keeps it knows a new key before it signs",
  async (ahead, age) => {
    const settings = { POSTERN_KEY_PUBLISH_AHEAD: ahead };
    const postern = await startInProcess({ settings });
    const response = await postern.get("/.well-known/jwks.json");
    expect(response.headers.get("cache-control")).toBe(`public, max-age=${age}`);
  },
);
