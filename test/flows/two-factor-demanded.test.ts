import { beforeAll, describe, expect, test } from "bun:test";
import { rowsOf } from "../support/database.ts";
import { call, logIn, outcomeOf } from "../support/logged-in.ts";
import { atEnd, type StartedInProcess, startInProcess } from "../support/postern.ts";
import { startReceiver } from "../support/receiver.ts";
import {
  account,
  command,
  importRecords,
  password,
  seededFolder,
  user,
  userPool,
  webhook,
} from "../support/seed.ts";
import { stoppedClock } from "../support/stopped-clock.ts";
import { authenticatorCode } from "../support/totp.ts";
import { answerOf, beginEnrolment, loginOutcome, secretOf, stepMs } from "../support/two-factor.ts";

const minute = 60_000;
const ticketLife = 15 * minute;
const clock = stoppedClock();
const pool = userPool("newcomer", 40);
const settings = { POSTERN_WEBHOOK_ALLOW_NETWORKS: "127.0.0.0/8", POSTERN_ACCESS_TOKEN_TTL: "1h" };

let postern: StartedInProcess;
let told: () => number = () => 0;

const operator = (...args: string[]) => command(postern.dataDir, args);
const named = (email: string) => ["--account", account.alias, "--email", email];
const demand = (...of: string[]) => operator("account", "require-two-factor", account.alias, ...of);

beforeAll(async () => {
  const receiver = await startReceiver();
  atEnd(() => receiver.close());
  told = () => receiver.received.length;
  const dataDir = await seededFolder(
    [
      ...pool.names.map((name) => user(name)),
      user("chief", { role: "admin" }),
      user("helper", { role: "user", roles: ["user", "auditor"] }),
      { kind: "role", name: "auditor" },
    ].toSorted((left, right) => Number(left.kind === "user") - Number(right.kind === "user")),
  );
  await importRecords(dataDir, [webhook(receiver.url, "token")], account.id, settings);
  postern = await startInProcess({ dataDir, clock, settings });
  await demand("all");
});

const ticketOf = async (email: string): Promise<string> => {
  const { status, body } = await postern.login({ accountId: account.id, email, password });
  expect([status, body["code"]]).toEqual([400, "TWO_FACTOR_ENROLMENT_REQUIRED"]);
  return String(body["enrolmentToken"]);
};
const codeOf = (secret: string, steps = 0) => authenticatorCode(secret, clock.now() + steps * stepMs);
const begin = async (token: string) => outcomeOf(await call(postern, "POST", "/v3/me/2fa-secret", { token }));
const patch = async (token: string, body: object) =>
  outcomeOf(await call(postern, "PATCH", "/v3/me", { token, body }));
const confirm = (token: string, secret: string, steps = 0) =>
  patch(token, { twoFactorEnabled: true, twoFactorCode: codeOf(secret, steps) });

describe("a user who must enrol", () => {
  test("gets no login, no session and no event, but a ticket", async () => {
    const email = pool.take();
    const before = { sessions: countOf("sessions"), events: countOf("outbox_events"), told: told() };
    await ticketOf(email);
    expect({ sessions: countOf("sessions"), events: countOf("outbox_events"), told: told() }).toEqual(before);
    const [row] = rowsOf<{ last_login_at: number | null }>(
      postern.dataDir,
      "SELECT last_login_at FROM users WHERE email = ?",
      email,
    );
    expect(row?.last_login_at).toBeNull();
  });

  test("enrols with the ticket and then logs in, with the next code", async () => {
    const email = pool.take();
    const ticket = await ticketOf(email);
    const begun = await answerOf(await call(postern, "POST", "/v3/me/2fa-secret?qr=true", { token: ticket }));
    expect(Object.keys(begun)).toEqual(["email", "url", "qr"]);
    const secret = secretOf(String(begun["url"]));
    expect(await confirm(ticket, secret)).toBe("200");
    expect(await loginOutcome(postern, email)).toBe("MISSING_TWO_FACTOR_CODE");
    expect(await loginOutcome(postern, email, { twoFactorCode: codeOf(secret) })).toBe(
      "INVALID_TWO_FACTOR_CODE",
    );
    expect(await loginOutcome(postern, email, { twoFactorCode: codeOf(secret, 1) })).toBe("200");
  });

  test("has no session by that: the ticket is no proof for anything else, and nothing is answered but the user", async () => {
    const email = pool.take();
    const ticket = await ticketOf(email);
    const secret = await beginEnrolment(postern, ticket);
    const before = countOf("sessions");
    const answer = await answerOf(
      await call(postern, "PATCH", "/v3/me", {
        token: ticket,
        body: { twoFactorEnabled: true, twoFactorCode: codeOf(secret) },
      }),
    );
    expect(answer).toMatchObject({ email, twoFactorEnabled: true });
    expect(JSON.stringify(answer)).not.toMatch(/token|secret/i);
    expect(countOf("sessions")).toBe(before);
  });

  test("is locked by five wrong codes as by wrong passwords", async () => {
    const email = pool.take();
    const ticket = await ticketOf(email);
    const secret = await beginEnrolment(postern, ticket);
    for (let failure = 0; failure < 5; failure += 1) {
      expect(await patch(ticket, { twoFactorEnabled: true, twoFactorCode: "abcdef" })).toBe(
        "400 INVALID_TWO_FACTOR_CODE",
      );
    }
    expect(await confirm(ticket, secret)).toBe("429 LOGIN_TEMPORARILY_LOCKED");
    expect(await loginOutcome(postern, email)).toBe("LOGIN_TEMPORARILY_LOCKED");
    clock.move(5 * minute);
    expect(await confirm(ticket, secret)).toBe("200");
  });
});

describe("the demand", () => {
  test("of named roles meets whoever holds one of them, be it a further one, and nobody else", async () => {
    await demand("admin", "auditor");
    expect(await loginOutcome(postern, pool.take())).toBe("200");
    for (const email of ["chief@example.com", "helper@example.com"]) {
      expect(await loginOutcome(postern, email)).toBe("TWO_FACTOR_ENROLMENT_REQUIRED");
    }
    await demand("none");
    for (const email of ["chief@example.com", "helper@example.com"])
      expect(await loginOutcome(postern, email)).toBe("200");
    await demand("all");
  });

  test("meets a user at the next login, and lets sessions go on", async () => {
    await demand("none");
    const mine = await logIn(postern, pool.take());
    await demand("all");
    expect(await outcomeOf(await mine.call("GET", "/v3/me"))).toBe("200");
    expect(
      await outcomeOf(await postern.post("/v3/accounts/refresh", { refreshToken: mine.refreshToken })),
    ).toBe("200");
    expect(await loginOutcome(postern, mine.email)).toBe("TWO_FACTOR_ENROLMENT_REQUIRED");
  });

  test("is told to nobody with a wrong password, nor to a suspended user", async () => {
    const email = pool.take();
    expect(await loginOutcome(postern, email, { password: "wrong password" })).toBe("INVALID_CREDENTIALS");
    await operator("user", "suspend", ...named(email));
    expect(await loginOutcome(postern, email)).toBe("USER_SUSPENDED");
  });
});

describe("an enrolment ticket", () => {
  test.each([
    [-1_000, "200"],
    [0, "401 UNAUTHENTICATED"],
  ])("%i ms from its 15 minutes: %p", async (distance, expected) => {
    const email = pool.take();
    const ticket = await ticketOf(email);
    const secret = await beginEnrolment(postern, ticket);
    clock.move(ticketLife + distance);
    // It is counted in whole seconds, down.
    expect(await begin(ticket)).toBe(expected);
    expect(await patch(ticket, { twoFactorEnabled: true, twoFactorCode: "abcdef" })).toBe(
      expected === "200" ? "400 INVALID_TWO_FACTOR_CODE" : expected,
    );
    expect(secret).toHaveLength(32);
  });

  test("is dead once its user has enrolled, also when that is turned off again", async () => {
    const email = pool.take();
    const [ticket, another] = [await ticketOf(email), await ticketOf(email)];
    const secret = await beginEnrolment(postern, ticket);
    expect(await confirm(ticket, secret)).toBe("200");
    for (const dead of [ticket, another]) {
      expect(await begin(dead)).toBe("401 UNAUTHENTICATED");
      expect(await confirm(dead, secret, 1)).toBe("401 UNAUTHENTICATED");
    }
    const { body } = await postern.login({
      accountId: account.id,
      email,
      password,
      twoFactorCode: codeOf(secret, 1),
    });
    clock.move(2 * stepMs);
    expect(
      await patch(String(body["accessToken"]), { twoFactorEnabled: false, twoFactorCode: codeOf(secret) }),
    ).toBe("200");
    for (const dead of [ticket, another]) expect(await begin(dead)).toBe("401 UNAUTHENTICATED");
    expect(await begin(await ticketOf(email))).toBe("200");
  });

  test.each([
    ["its user is suspended", ["user", "suspend"]],
    ["its user's second factor is reset", ["user", "reset-2fa"]],
    ["its user gets another password", ["user", "set-password"]],
  ])("is dead once %s", async (_, [noun = "", verb = ""]) => {
    const email = pool.take();
    const ticket = await ticketOf(email);
    const secret = await beginEnrolment(postern, ticket);
    const secretInput = verb === "set-password" ? ["--password-stdin"] : [];
    await command(postern.dataDir, [noun, verb, ...named(email), ...secretInput], {
      input: "another pass phrase",
    });
    expect(await begin(ticket)).toBe("401 UNAUTHENTICATED");
    expect(await confirm(ticket, secret)).toBe("401 UNAUTHENTICATED");
  });

  test("is dead while its account is suspended", async () => {
    const email = pool.take();
    const ticket = await ticketOf(email);
    await operator("account", "suspend", account.alias);
    expect(await begin(ticket)).toBe("401 UNAUTHENTICATED");
    await operator("account", "resume", account.alias);
    expect(await begin(ticket)).toBe("200");
  });

  test("turns two-factor authentication on and does nothing else to its user", async () => {
    const email = pool.take();
    const ticket = await ticketOf(email);
    const secret = await beginEnrolment(postern, ticket);
    const on = { twoFactorEnabled: true, twoFactorCode: codeOf(secret) };
    for (const body of [
      {},
      { company: "Mallory Ltd" },
      { ...on, company: "Mallory Ltd" },
      { ...on, email: "mallory@example.com", password },
      { twoFactorEnabled: false, twoFactorCode: codeOf(secret) },
      { twoFactorEnabled: null, twoFactorCode: codeOf(secret) },
    ]) {
      expect(await patch(ticket, body)).toBe("403 FORBIDDEN");
    }
    expect(await patch(ticket, { twoFactorEnabled: true })).toBe("400 MISSING_TWO_FACTOR_CODE");
    // What generated clients send along is none of that.
    expect(
      await patch(ticket, { ...on, firstName: null, email: null, password: null, twoFactorRecoveryCode: "" }),
    ).toBe("200");
  });
});

function countOf(table: string): number {
  return rowsOf(postern.dataDir, `SELECT rowid FROM ${table}`).length;
}
