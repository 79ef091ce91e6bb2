import { beforeAll, describe, expect, test } from "bun:test";
import { damage } from "../support/database.ts";
import { type StartedBinary, startBinary } from "../support/postern.ts";
import { rawPost, sendRaw } from "../support/raw-http.ts";
import { account, createAccount, importRecords, password, seededFolder, user } from "../support/seed.ts";

// Who may not know whether an account or a user exists must not learn it from an answer's bytes, its headers or their order.

const absurd =
  "$argon2id$v=19$m=4194304,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$bMQEeu9zRTyjjBaluobdXbqdlG97xAH+4ZC4hItLZjg";

let postern: StartedBinary;

beforeAll(async () => {
  const dataDir = await seededFolder([
    user("ada"),
    user("away", { status: "suspended" }),
    user("no-password", { password: undefined }),
    user("garbage"),
    user("absurd"),
    user("guarded", { twoFactorSecret: "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ" }),
  ]);
  await createAccount(dataDir, { id: "other", alias: "other" });
  await importRecords(dataDir, [user("elsewhere")], "other");
  postern = await startBinary({ dataDir });
  damage(dataDir, "UPDATE users SET password_hash = 'garbage' WHERE email = 'garbage@example.com'");
  damage(dataDir, "UPDATE users SET password_hash = ? WHERE email = 'absurd@example.com'", absurd);
});

const accountId = account.id;
const wrong = "wrong password";

/** Logins that must all be refused alike. */
const refused: Record<string, Record<string, unknown>> = {
  "a wrong password": { accountId, email: "ada@example.com", password: wrong },
  "an unknown e-mail address": { accountId, email: "nobody@example.com", password },
  "an unknown account": { accountId: "nobody", email: "ada@example.com", password },
  "an unknown alias": { accountAlias: "nobody", email: "ada@example.com", password },
  "id and alias of two accounts": { accountId, accountAlias: "other", email: "ada@example.com", password },
  "no account, where there are two": { email: "ada@example.com", password },
  "a user of another account": { accountId, email: "elsewhere@example.com", password },
  "a user without a password": { accountId, email: "no-password@example.com", password },
  "a stored hash that is garbage": { accountId, email: "garbage@example.com", password },
  "a stored hash that asks for too much": { accountId, email: "absurd@example.com", password },
  "a wrong password of a suspended user": { accountId, email: "away@example.com", password: wrong },
  "a wrong password of a user with two-factor": { accountId, email: "guarded@example.com", password: wrong },
  "a wrong password with a code": {
    accountId,
    email: "guarded@example.com",
    password: wrong,
    twoFactorCode: "123456",
  },
};

/** The answer as it came over the wire, but for the time of day and, where it may differ, of the wait. */
async function wire(body: Record<string, unknown>): Promise<string> {
  const {
    status,
    head,
    body: text,
  } = await sendRaw(postern.url, [rawPost("/v3/accounts/login", JSON.stringify(body))]);
  const headers = head
    .filter((line) => !/^date:/i.test(line))
    .map((line) => line.replace(/^(retry-after): \d+$/i, "$1"));
  return [status, ...headers, "", text].join("\n");
}

describe("these are refused with the same bytes, header by header", () => {
  let expected = "";

  beforeAll(async () => {
    expected = await wire({ accountId, email: "first@example.com", password });
    expect(expected).toStartWith("400\n");
    expect(expected).toContain('"INVALID_CREDENTIALS"');
  });

  test.each(Object.entries(refused))("%s", async (_, body) => {
    expect(await wire(body)).toBe(expected);
  });
});

describe("locked, they are still the same", () => {
  test.each(Object.entries(refused))("%s", async (_, body) => {
    // Each was tried before, some of them more than once: whoever is not locked by now soon is.
    const answers = [
      await wire(body),
      await wire(body),
      await wire(body),
      await wire(body),
      await wire(body),
    ];
    const ghost = { accountId, email: `ghost-of-${String(body["email"])}`, password };
    for (let failure = 0; failure < 5; failure += 1) await wire(ghost);
    expect(answers.at(-1)).toBe(await wire(ghost));
    expect(answers.at(-1)).toStartWith("429\n");
  });
});
