import { beforeAll, describe, expect, test } from "bun:test";
import { rowsOf } from "../support/database.ts";
import { call, logIn, outcomeOf } from "../support/logged-in.ts";
import { type StartedInProcess, startInProcess } from "../support/postern.ts";
import { account, command, password, seededFolder, user, userPool } from "../support/seed.ts";
import { stoppedClock } from "../support/stopped-clock.ts";

const minute = 60_000;
const clock = stoppedClock();
const pool = userPool("holder", 10);

let postern: StartedInProcess;

beforeAll(async () => {
  postern = await startInProcess({
    dataDir: await seededFolder(pool.names.map((name) => user(name))),
    clock,
  });
});

type Made = { id: string; token: string; expiresAt: string };

const make = async (email: string, ...more: string[]): Promise<Made> =>
  JSON.parse(
    await command(postern.dataDir, [
      ...["token", "create", "--account", account.id, "--user", email, "--name", "ci", "--json", ...more],
    ]),
  );

const me = (token: string) => call(postern, "GET", "/v3/me", { token });

/** Holds a token to be refused as any that is not good. */
async function expectRefused(token: string): Promise<void> {
  const response = await me(token);
  expect(response.headers.get("www-authenticate")).toBe('Bearer realm="postern", error="invalid_token"');
  expect(await outcomeOf(response)).toBe("401 UNAUTHENTICATED");
}

describe("a personal access token", () => {
  test("speaks for its user, whatever its scopes, where any token will do", async () => {
    const email = pool.take();
    const { token } = await make(email, "--scope", "audit:read");
    const response = await me(token);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ email });
    const licenses = await call(postern, "GET", "/v3/me/licenses", { token });
    expect(await licenses.text()).toBe("[]");
  });

  test("is forbidden whatever takes a login, before its body is looked at, and changes nothing", async () => {
    const email = pool.take();
    const { token } = await make(email);
    const mine = await logIn(postern, email);
    const before = await (await mine.call("GET", "/v3/me/sessions")).text();
    const good = { oldPassword: password, newPassword: "a quite different pass phrase", company: "X" };
    for (const body of [good, { oldPassword: 5, company: 5 }]) {
      for (const [method, path, sent] of [
        ["GET", "/v3/me/sessions", undefined],
        ["DELETE", "/v3/me/sessions", undefined],
        ["DELETE", "/v3/me/sessions?keepCurrent=maybe", undefined],
        ["DELETE", `/v3/me/sessions/${mine.sessionId}`, undefined],
        ["PATCH", "/v3/me", body],
        ["POST", "/v3/me/update-password", body],
        ["POST", `/v3/users/${mine.userId}/update-password`, body],
      ] as const) {
        const response = await call(postern, method, path, { token, body: sent });
        expect(response.headers.get("www-authenticate")).toBe(
          'Bearer realm="postern", error="insufficient_scope"',
        );
        expect(await outcomeOf(response)).toBe("403 FORBIDDEN");
      }
    }
    expect(await (await mine.call("GET", "/v3/me/sessions")).text()).toBe(before);
    expect(await (await mine.call("GET", "/v3/me")).json()).toMatchObject({ company: "" });
    await logIn(postern, email);
  });

  test("ends at its time, to the millisecond", async () => {
    const { token, expiresAt } = await make(pool.take(), "--expires", "1h");
    clock.move(Date.parse(expiresAt) - 1 - clock.now());
    expect((await me(token)).status).toBe(200);
    clock.move(1);
    await expectRefused(token);
  });

  test("is refused at once when it was revoked, and others of the user go on", async () => {
    const email = pool.take();
    const [one, other] = [await make(email, "--expires", "never"), await make(email, "--expires", "never")];
    expect((await me(one.token)).status).toBe(200);
    await command(postern.dataDir, ["token", "revoke", one.id]);
    await expectRefused(one.token);
    expect((await me(other.token)).status).toBe(200);
  });

  test("is refused for as long as its user is suspended, or its account", async () => {
    const email = pool.take();
    const { token } = await make(email, "--expires", "never");
    const named = ["--account", account.id, "--email", email];
    for (const [suspend, resume] of [
      [
        ["user", "suspend", ...named],
        ["user", "resume", ...named],
      ],
      [
        ["account", "suspend", account.id],
        ["account", "resume", account.id],
      ],
    ] as const) {
      await command(postern.dataDir, suspend);
      await expectRefused(token);
      await command(postern.dataDir, resume);
      expect((await me(token)).status).toBe(200);
    }
  });

  test("is refused when it is cut, lengthened or spelled otherwise", async () => {
    const { token } = await make(pool.take(), "--expires", "never");
    const others = [token.slice(0, -1), `${token}A`, `${token}=`, token.toUpperCase(), token.slice(4)];
    for (const other of [...others, `${token}${"A".repeat(10_000)}`]) await expectRefused(other);
    expect((await me(token)).status).toBe(200);
  });

  test("is no refresh token", async () => {
    const { token } = await make(pool.take(), "--expires", "never");
    const response = await postern.post("/v3/accounts/refresh", { refreshToken: token });
    expect(await outcomeOf(response)).toBe("400 INVALID_REFRESH_TOKEN");
  });

  test("has its use noted, at most once a minute", async () => {
    const { id, token } = await make(pool.take(), "--expires", "never");
    const lastUsed = () =>
      rowsOf<{ last_used_at: number | null }>(
        postern.dataDir,
        "SELECT last_used_at FROM access_tokens WHERE id = ?",
        id,
      )[0]?.last_used_at;
    /** Nobody waits for the note: it comes soon after. */
    const noted = async (time: number) => {
      while (lastUsed() !== time) await me(token);
    };
    expect(lastUsed()).toBe(null);
    const first = clock.now();
    await noted(first);
    clock.move(minute - 1);
    await me(token);
    clock.move(1);
    expect(lastUsed()).toBe(first);
    await noted(clock.now());
  });
});
