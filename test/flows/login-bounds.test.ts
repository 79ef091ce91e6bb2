import { beforeAll, describe, expect, test } from "bun:test";
import { type StartedBinary, startBinary } from "../support/postern.ts";
import { password, seededFolder, user, userPool } from "../support/seed.ts";

// An emoji is one code point and two UTF-16 units; "e" and a combining accent are one character to the eye and two code points.
const key = "\u{1f511}";
const accented = "e\u0301";

const pool = userPool("bound", 60);
const longPassword = key.repeat(256);
const longEmail = `${"a".repeat(64)}@${"b".repeat(63)}.${"c".repeat(63)}.${"d".repeat(63)}`;
const shortest = "xk7-quaz";
const accentedPassword = "p\u00e4ssw\u00f6rd-\u00e9\u00e9";

let postern: StartedBinary;

beforeAll(async () => {
  const dataDir = await seededFolder([
    user("ada"),
    user("long-password", { password: longPassword }),
    user("short-password", { password: shortest }),
    user("emoji-password", { password: key.repeat(8) }),
    user("accents", { password: accentedPassword }),
    user("long-email", { email: longEmail }),
    user("short-email", { email: "a@b" }),
    ...pool.names.map((name) => user(name)),
  ]);
  postern = await startBinary({ dataDir });
});

const ada = { email: "ada@example.com", password };

async function faultsOf(body: Record<string, unknown>) {
  const { status, body: answer } = await postern.login(body);
  expect([status, answer["code"]]).toEqual([400, "INVALID_REQUEST"]);
  expect(Object.keys(answer).sort()).toEqual(["code", "errors", "message"]);
  return { message: answer["message"], errors: answer["errors"] };
}

/** What a login answers: `200`, or the code of its refusal. */
async function outcomeOf(body: Record<string, unknown>): Promise<unknown> {
  const { status, body: answer } = await postern.login(body);
  return status === 200 ? 200 : answer["code"];
}

describe("the bound of", () => {
  test.each<[string, string, string, string, Record<string, unknown>, unknown]>([
    ["accountId", "36 code points", key.repeat(36), key.repeat(37), {}, "INVALID_CREDENTIALS"],
    ["accountId", "36 letters", "x".repeat(36), "x".repeat(37), {}, "INVALID_CREDENTIALS"],
    ["accountAlias", "256 code points", key.repeat(256), key.repeat(257), {}, "INVALID_CREDENTIALS"],
    ["accountAlias", "256 letters", "x".repeat(256), "x".repeat(257), {}, "INVALID_CREDENTIALS"],
    ["email", "256 characters", longEmail, `a${longEmail}`, { password }, 200],
    ["email", "one character or more", "a@b", "", { password }, 200],
    ["password", "8 characters", shortest, shortest.slice(1), { email: "short-password@example.com" }, 200],
    ["password", "8 code points", key.repeat(8), key.repeat(7), { email: "emoji-password@example.com" }, 200],
    [
      "password",
      "8 code points of 4 characters",
      accented.repeat(4),
      `${accented.repeat(3)}e`,
      {},
      "INVALID_CREDENTIALS",
    ],
    [
      "password",
      "256 code points",
      longPassword,
      longPassword + key,
      { email: "long-password@example.com" },
      200,
    ],
    ["twoFactorCode", "at least 6", "123456", "12345", ada, 200],
    ["twoFactorCode", "at most 6", "123456", "1234567", ada, 200],
    ["twoFactorCode", "6 code points", key.repeat(6), key.repeat(3), ada, 200],
    ["twoFactorRecoveryCode", "256 code points", key.repeat(256), key.repeat(257), ada, 200],
    ["twoFactorRecoveryCode", "1 code point", key, "x".repeat(257), ada, 200],
  ])("%s is %s", async (property, _, inside, outside, fields, expected) => {
    const others = { email: pool.take(), password, ...fields };
    expect(await outcomeOf({ ...others, [property]: inside })).toBe(expected);
    const { message, errors } = await faultsOf({ ...others, [property]: outside });
    expect(message).toStartWith(`${property} must be `);
    expect(errors).toEqual([
      { path: `/${property}`, message: expect.stringMatching(/^must be .*\d+ characters?$/) },
    ]);
  });
});

describe("a property", () => {
  const properties = [
    "accountId",
    "accountAlias",
    "email",
    "password",
    "twoFactorCode",
    "twoFactorRecoveryCode",
  ];

  test.each(properties)("%s that is no text is refused", async (property) => {
    for (const value of [0, 12345678, true, [], ["12345678"], {}, { $ne: "x" }]) {
      const { message, errors } = await faultsOf({ ...ada, [property]: value });
      expect(message).toBe(`${property} must be text.`);
      expect(errors).toEqual([{ path: `/${property}`, message: "must be text" }]);
    }
  });

  test.each(["email", "password"])("%s is required: absent and null are refused alike", async (property) => {
    for (const value of [undefined, null]) {
      const { message, errors } = await faultsOf({ ...ada, [property]: value });
      expect(message).toBe(`${property} is required.`);
      expect(errors).toEqual([{ path: `/${property}`, message: "is required" }]);
    }
  });

  test.each(properties.filter((property) => property !== "email" && property !== "password"))(
    "%s may be absent, null or empty, which all mean absent",
    async (property) => {
      for (const value of [undefined, null, ""])
        expect(await outcomeOf({ ...ada, [property]: value })).toBe(200);
    },
  );

  test("that nobody knows is ignored", async () => {
    const unknown = { company: "x", email2: 1, "": null, rememberMe: { deeply: ["nested"] }, constructor: 1 };
    expect(await outcomeOf({ ...unknown, ...ada })).toBe(200);
  });

  test("in another case is another property", async () => {
    expect((await faultsOf({ Email: ada.email, password })).message).toBe("email is required.");
  });

  test("that is wrong is named first in the sentence, and all are listed", async () => {
    const { message, errors } = await faultsOf({
      accountId: 5,
      email: "x",
      password: "short",
      twoFactorCode: "1",
    });
    expect(message).toBe("accountId must be text.");
    expect(errors).toEqual([
      { path: "/accountId", message: "must be text" },
      { path: "/email", message: "must be an e-mail address" },
      { path: "/password", message: "must be 8 to 256 characters" },
      { path: "/twoFactorCode", message: "must be 6 characters" },
    ]);
  });

  test("that is a secret is not repeated by the refusal", async () => {
    const secret = "s3cr".repeat(65);
    const { text } = await postern.login({ ...ada, password: secret, twoFactorCode: "7654321" });
    expect(text).not.toContain("s3cr");
    expect(text).not.toContain("7654321");
  });
});

describe("an e-mail address", () => {
  test.each([
    "a@localhost",
    "a@b.c",
    "first.last+tag@example.co.uk",
    "!#$%&'*+/=?^_`{|}~-.@example.com",
    ".leading@example.com",
    "two..dots@example.com",
    "a@1.2.3.4",
    "a@xn--bcher-kva.example",
    `a@${"b".repeat(63)}`,
    "a@b--c.d-e",
  ])("may be %s", async (email) => {
    expect(await outcomeOf({ email, password: "wrong password" })).toBe("INVALID_CREDENTIALS");
  });

  test.each([
    "plain",
    "@example.com",
    "a@",
    "a@b@c",
    '"quoted"@example.com',
    '"a b"@example.com',
    "a b@example.com",
    " a@example.com",
    "a@example.com ",
    "a@example.com\n",
    "a@exa mple.com",
    "a@[127.0.0.1]",
    "a@-example.com",
    "a@example-.com",
    "a@.example.com",
    "a@example..com",
    "a@example.com.",
    "a@under_score.com",
    `a@${"b".repeat(64)}`,
    "a@bücher.example",
    "büro@example.com",
    "a(comment)@example.com",
    "a,b@example.com",
    "Ada <a@example.com>",
    "a\u0000@example.com",
  ])("may not be %j", async (email) => {
    const { message, errors } = await faultsOf({ email, password });
    expect(message).toBe("email must be an e-mail address.");
    expect(errors).toEqual([{ path: "/email", message: "must be an e-mail address" }]);
  });
});

describe("a password", () => {
  test("is taken in whichever Unicode form it is typed", async () => {
    const decomposed = accentedPassword.normalize("NFD");
    expect(decomposed).not.toBe(accentedPassword);
    for (const typed of [accentedPassword, decomposed]) {
      expect(await outcomeOf({ email: "accents@example.com", password: typed })).toBe(200);
    }
  });

  test.each([
    ` ${password}`,
    `${password} `,
    password.toUpperCase(),
    `${password}\u0000`,
    password.slice(0, -1),
  ])("is exact: %j is another one", async (other) => {
    const email = pool.take();
    expect(await outcomeOf({ email, password: other })).toBe("INVALID_CREDENTIALS");
    expect(await outcomeOf({ email, password })).toBe(200);
  });

  test("counts to its last character, of 256", async () => {
    const email = "long-password@example.com";
    expect(await outcomeOf({ email, password: `${key.repeat(255)}x` })).toBe("INVALID_CREDENTIALS");
    expect(await outcomeOf({ email, password: longPassword })).toBe(200);
  });
});
