import { beforeAll, describe, expect, test } from "bun:test";
import { renderSVG } from "uqr";
import { rowsOf } from "../support/database.ts";
import { call, logIn, outcomeOf } from "../support/logged-in.ts";
import { type StartedInProcess, startInProcess } from "../support/postern.ts";
import { command, importRecords, password, seededFolder, user, userPool } from "../support/seed.ts";
import { stoppedClock } from "../support/stopped-clock.ts";
import { authenticatorCode } from "../support/totp.ts";
import { answerOf, beginEnrolment, enrol, loginOutcome, stepMs } from "../support/two-factor.ts";

const minute = 60_000;
const clock = stoppedClock();
const pool = userPool("enroller", 40);
const longCompany = "🏰".repeat(256);
const longEmail = `${"+".repeat(64)}@${"d".repeat(60)}.example.com`;

let postern: StartedInProcess;

beforeAll(async () => {
  const dataDir = await seededFolder(pool.names.map((name) => user(name)));
  await command(dataDir, ["account", "create", "--id", "long", "--alias", "long", "--company", longCompany]);
  await importRecords(dataDir, [user("x", { email: longEmail })], "long");
  const settings = { POSTERN_ACCESS_TOKEN_TTL: "1h" };
  postern = await startInProcess({ dataDir, clock, settings });
});

const confirm = async (token: string, twoFactorCode: string | null) =>
  outcomeOf(
    await call(postern, "PATCH", "/v3/me", { token, body: { twoFactorEnabled: true, twoFactorCode } }),
  );

const codeOf = (secret: string, steps = 0) => authenticatorCode(secret, clock.now() + steps * stepMs);

describe("POST /v3/me/2fa-secret", () => {
  test("answers the e-mail address and a URL that every authenticator app reads, with the company as issuer", async () => {
    const mine = await logIn(postern, pool.take());
    const response = await mine.call("POST", "/v3/me/2fa-secret");
    expect(response.headers.get("cache-control")).toBe("no-store");
    const answer = await answerOf(response);
    expect(Object.keys(answer)).toEqual(["email", "url"]);
    expect(answer["email"]).toBe(mine.email);
    const url = new URL(String(answer["url"]));
    expect(decodeURIComponent(url.href.split("?")[0] ?? "")).toBe(`otpauth://totp/Acme Ltd:${mine.email}`);
    const { secret, ...rest } = Object.fromEntries(url.searchParams);
    expect(rest).toEqual({ issuer: "Acme Ltd", algorithm: "SHA1", digits: "6", period: "30" });
    // 32 characters of base32 are 160 bits.
    expect(secret).toMatch(/^[A-Z2-7]{32}$/);
  });

  test("gives another secret each time, to everybody", async () => {
    const [mine, other] = [await logIn(postern, pool.take()), await logIn(postern, pool.take())];
    const secrets: string[] = [];
    for (const { accessToken } of [mine, mine, mine, other, other])
      secrets.push(await beginEnrolment(postern, accessToken));
    expect(new Set(secrets).size).toBe(5);
  });

  test.each([
    undefined,
    {},
    { password: null, twoFactorCode: null, twoFactorRecoveryCode: null },
    { twoFactorCode: "" },
  ])("takes a body of %p", async (body) => {
    const mine = await logIn(postern, pool.take());
    expect(await outcomeOf(await mine.call("POST", "/v3/me/2fa-secret", body))).toBe("200");
  });

  test("adds the URL as a QR code where it is asked to", async () => {
    const mine = await logIn(postern, pool.take());
    const { url, qr } = await answerOf(await mine.call("POST", "/v3/me/2fa-secret?qr=true"));
    const [head, image = ""] = String(qr).split(",");
    expect(head).toBe("data:image/svg+xml;base64");
    // That the picture reads as the URL is for a reader of pictures to say: test/slow/two-factor-qr.test.ts.
    expect(Buffer.from(image, "base64").toString()).toBe(renderSVG(String(url)));
    for (const query of ["?qr=false", ""]) {
      expect(Object.keys(await answerOf(await mine.call("POST", `/v3/me/2fa-secret${query}`)))).toEqual([
        "email",
        "url",
      ]);
    }
    expect(await outcomeOf(await mine.call("POST", "/v3/me/2fa-secret?qr=yes"))).toBe("400 INVALID_REQUEST");
  });

  test("finds room for the longest company and an odd address in a QR code, by shortening the company", async () => {
    const mine = await logIn(postern, longEmail, { accountId: "long" });
    const { url, qr } = await answerOf(await mine.call("POST", "/v3/me/2fa-secret?qr=true"));
    expect(new URL(String(url)).searchParams.get("issuer")).toBe("🏰".repeat(64));
    expect(String(qr)).toStartWith("data:image/svg+xml;base64,");
  });

  test("keeps the secret sealed, in the place of the one before", async () => {
    const mine = await logIn(postern, pool.take());
    await beginEnrolment(postern, mine.accessToken);
    await beginEnrolment(postern, mine.accessToken);
    const rows = rowsOf<{ secret: Uint8Array }>(
      postern.dataDir,
      "SELECT secret FROM pending_two_factor WHERE user_id = ?",
      mine.userId,
    );
    // Version, nonce, 20 bytes of ciphertext and the tag.
    expect(rows.map(({ secret }) => secret.length)).toEqual([1 + 12 + 20 + 16]);
  });
});

describe("a code that confirms the secret", () => {
  test.each([
    [-2, "400 INVALID_TWO_FACTOR_CODE"],
    [-1, "200"],
    [0, "200"],
    [1, "200"],
    [2, "400 INVALID_TWO_FACTOR_CODE"],
  ])("of %i steps from now: %p", async (steps, expected) => {
    const mine = await logIn(postern, pool.take());
    const secret = await beginEnrolment(postern, mine.accessToken);
    expect(await confirm(mine.accessToken, codeOf(secret, steps))).toBe(expected);
  });

  test.each([
    [10 * minute - 1, "200"],
    [10 * minute, "400 INVALID_TWO_FACTOR_CODE"],
  ])("%i ms after the secret was given: %p", async (after, expected) => {
    const mine = await logIn(postern, pool.take());
    const secret = await beginEnrolment(postern, mine.accessToken);
    clock.move(after);
    expect(await confirm(mine.accessToken, codeOf(secret))).toBe(expected);
  });

  test("answers the user, who has two-factor authentication from then on", async () => {
    const mine = await logIn(postern, pool.take());
    const secret = await beginEnrolment(postern, mine.accessToken);
    const before = await answerOf(await mine.call("GET", "/v3/me"));
    expect(before["twoFactorEnabled"]).toBe(false);
    clock.move(1_000);
    const body = { twoFactorEnabled: true, twoFactorCode: codeOf(secret) };
    const after = await answerOf(await mine.call("PATCH", "/v3/me", body));
    expect(after).toEqual({
      ...before,
      twoFactorEnabled: true,
      updatedAt: new Date(clock.now()).toISOString(),
    });
    expect(await answerOf(await mine.call("GET", "/v3/me"))).toEqual(after);
    expect(await loginOutcome(postern, mine.email)).toBe("MISSING_TWO_FACTOR_CODE");
  });

  test("is spent by that: a login needs the next one", async () => {
    const mine = await enrol(postern, clock, pool.take());
    expect(await loginOutcome(postern, mine.email, { twoFactorCode: mine.code() })).toBe(
      "INVALID_TWO_FACTOR_CODE",
    );
    expect(await loginOutcome(postern, mine.email, { twoFactorCode: mine.code(1) })).toBe("200");
  });

  test("confirms the newest secret only", async () => {
    const mine = await logIn(postern, pool.take());
    const first = await beginEnrolment(postern, mine.accessToken);
    const second = await beginEnrolment(postern, mine.accessToken);
    expect(await confirm(mine.accessToken, codeOf(first))).toBe("400 INVALID_TWO_FACTOR_CODE");
    expect(await confirm(mine.accessToken, codeOf(second))).toBe("200");
  });

  test("confirms nothing where nothing waits, nor twice", async () => {
    const mine = await enrol(postern, clock, pool.take());
    expect(await confirm(mine.accessToken, mine.code(1))).toBe("400 INVALID_TWO_FACTOR_CODE");
  });

  test("is asked for where it is missing, which is no failure", async () => {
    const mine = await logIn(postern, pool.take());
    await beginEnrolment(postern, mine.accessToken);
    for (let times = 0; times < 6; times += 1)
      expect(await confirm(mine.accessToken, null)).toBe("400 MISSING_TWO_FACTOR_CODE");
  });

  test("of somebody else's secret is refused", async () => {
    const [mine, other] = [await logIn(postern, pool.take()), await logIn(postern, pool.take())];
    await beginEnrolment(postern, mine.accessToken);
    const theirs = await beginEnrolment(postern, other.accessToken);
    expect(await confirm(mine.accessToken, codeOf(theirs))).toBe("400 INVALID_TWO_FACTOR_CODE");
  });
});

describe("wrong codes for a secret that waits", () => {
  test("lock after five, the right one too, and the login as well", async () => {
    const mine = await logIn(postern, pool.take());
    const secret = await beginEnrolment(postern, mine.accessToken);
    for (let failure = 0; failure < 5; failure += 1) {
      expect(await confirm(mine.accessToken, "abcdef")).toBe("400 INVALID_TWO_FACTOR_CODE");
    }
    const refused = await mine.call("PATCH", "/v3/me", {
      twoFactorEnabled: true,
      twoFactorCode: codeOf(secret),
    });
    expect(refused.headers.get("retry-after")).toBe("300");
    expect(await outcomeOf(refused)).toBe("429 LOGIN_TEMPORARILY_LOCKED");
    expect(await loginOutcome(postern, mine.email)).toBe("LOGIN_TEMPORARILY_LOCKED");
    clock.move(5 * minute);
    expect(await confirm(mine.accessToken, codeOf(secret))).toBe("200");
  });

  test("sent thirty times at once are looked at five times", async () => {
    const mine = await logIn(postern, pool.take());
    await beginEnrolment(postern, mine.accessToken);
    const outcomes = await Promise.all(Array.from({ length: 30 }, () => confirm(mine.accessToken, "abcdef")));
    expect(outcomes.filter((outcome) => outcome === "400 INVALID_TWO_FACTOR_CODE")).toHaveLength(5);
    expect(outcomes.filter((outcome) => outcome === "429 LOGIN_TEMPORARILY_LOCKED")).toHaveLength(25);
  });
});

describe("a second factor that is on", () => {
  test("stays as it is while a new secret waits, and is replaced when that is confirmed", async () => {
    const mine = await enrol(postern, clock, pool.take());
    const next = await beginEnrolment(postern, mine.accessToken);
    expect(await loginOutcome(postern, mine.email, { twoFactorCode: mine.code(1) })).toBe("200");
    expect(await loginOutcome(postern, mine.email, { twoFactorCode: codeOf(next) })).toBe(
      "INVALID_TWO_FACTOR_CODE",
    );
    expect(await confirm(mine.accessToken, codeOf(next))).toBe("200");
    clock.move(2 * stepMs);
    expect(await loginOutcome(postern, mine.email, { twoFactorCode: mine.code() })).toBe(
      "INVALID_TWO_FACTOR_CODE",
    );
    expect(await loginOutcome(postern, mine.email, { twoFactorCode: codeOf(next) })).toBe("200");
  });

  test("outlives a secret that nobody confirmed in time", async () => {
    const mine = await enrol(postern, clock, pool.take());
    await beginEnrolment(postern, mine.accessToken);
    clock.move(10 * minute);
    expect(await loginOutcome(postern, mine.email, { twoFactorCode: mine.code() })).toBe("200");
  });

  test("is not touched by a client that sends back all it knows", async () => {
    const mine = await enrol(postern, clock, pool.take());
    clock.move(20 * minute);
    const profile = await answerOf(await mine.call("GET", "/v3/me"));
    const sent = { ...profile, company: "New Ltd" };
    expect(await answerOf(await mine.call("PATCH", "/v3/me", sent))).toMatchObject({
      company: "New Ltd",
      twoFactorEnabled: true,
    });
  });
});

describe("a request that changes more than the second factor", () => {
  test("changes nothing of the rest when the code is refused, and all of it when it is right", async () => {
    const mine = await logIn(postern, pool.take());
    const secret = await beginEnrolment(postern, mine.accessToken);
    const request = (twoFactorCode: string) =>
      mine.call("PATCH", "/v3/me", { company: "New Ltd", twoFactorEnabled: true, twoFactorCode });
    expect(await outcomeOf(await request("abcdef"))).toBe("400 INVALID_TWO_FACTOR_CODE");
    expect(await answerOf(await mine.call("GET", "/v3/me"))).toMatchObject({
      company: "",
      twoFactorEnabled: false,
    });
    expect(await answerOf(await request(codeOf(secret)))).toMatchObject({
      company: "New Ltd",
      twoFactorEnabled: true,
    });
  });

  test("does not change the e-mail address as well", async () => {
    const mine = await logIn(postern, pool.take());
    const secret = await beginEnrolment(postern, mine.accessToken);
    const body = {
      email: "new@example.com",
      password,
      twoFactorEnabled: true,
      twoFactorCode: codeOf(secret),
    };
    const refused = await mine.call("PATCH", "/v3/me", body);
    expect(await refused.json()).toMatchObject({
      code: "INVALID_REQUEST",
      errors: [{ path: "/twoFactorEnabled" }],
    });
    expect(await answerOf(await mine.call("GET", "/v3/me"))).toMatchObject({
      email: mine.email,
      twoFactorEnabled: false,
    });
    // False where it is off says nothing.
    expect(await outcomeOf(await mine.call("PATCH", "/v3/me", { ...body, twoFactorEnabled: false }))).toBe(
      "200",
    );
  });
});
