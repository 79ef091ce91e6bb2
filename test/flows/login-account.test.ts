import { beforeAll, describe, expect, test } from "bun:test";
import { type StartedBinary, startBinary } from "../support/postern.ts";
import { account, createAccount, importRecords, password, seededFolder, user } from "../support/seed.ts";

const email = "ada@example.com";

/** The account that an answer's access token is for; undefined when there is none. */
function accountOf({ body }: { body: Record<string, unknown> }): unknown {
  const [, claims = ""] = String(body["accessToken"] ?? "").split(".");
  return claims === "" ? undefined : JSON.parse(Buffer.from(claims, "base64url").toString()).account;
}

describe("on a server with one account, a login", () => {
  let postern: StartedBinary;

  beforeAll(async () => {
    postern = await startBinary({ dataDir: await seededFolder([user("ada")]) });
  });

  test.each<[string, Record<string, unknown>]>([
    ["the id", { accountId: account.id }],
    ["the alias", { accountAlias: account.alias }],
    ["the alias in capitals", { accountAlias: account.alias.toUpperCase() }],
    ["the alias in small letters", { accountAlias: account.alias.toLowerCase() }],
    ["id and alias", { accountId: account.id, accountAlias: account.alias }],
    ["the id and an empty alias", { accountId: account.id, accountAlias: "" }],
    ["the id and a null alias", { accountId: account.id, accountAlias: null }],
    ["an empty id and the alias", { accountId: "", accountAlias: account.alias }],
    ["a null id and the alias", { accountId: null, accountAlias: account.alias }],
    ["nothing", {}],
    ["an empty id", { accountId: "" }],
    ["a null id", { accountId: null }],
    ["an empty id and an empty alias", { accountId: "", accountAlias: "" }],
    ["a null id and a null alias", { accountId: null, accountAlias: null }],
  ])("finds it by %s", async (_, named) => {
    const answer = await postern.login({ ...named, email, password });
    expect(answer.status).toBe(200);
    expect(accountOf(answer)).toBe(account.id);
  });

  test.each<[string, Record<string, unknown>]>([
    ["an unknown id", { accountId: "00000000-0000-4000-8000-000000000000" }],
    ["an unknown alias", { accountAlias: "acme" }],
    ["the alias in the place of the id", { accountId: account.alias }],
    ["the id in the place of the alias", { accountAlias: account.id }],
    ["an unknown id beside the alias", { accountId: "nobody", accountAlias: account.alias }],
    ["an unknown alias beside the id", { accountId: account.id, accountAlias: "nobody" }],
    ["a space, which is not trimmed away", { accountId: " " }],
    ["the alias and a space", { accountAlias: `${account.alias} ` }],
  ])("does not find it by %s", async (_, named) => {
    const { status, body } = await postern.login({ ...named, email, password });
    expect([status, body["code"]]).toEqual([400, "INVALID_CREDENTIALS"]);
  });

  test("finds the user whatever the case of the e-mail address", async () => {
    expect((await postern.login({ email: "ADA@Example.COM", password })).status).toBe(200);
  });
});

describe("on a server with two accounts, a login", () => {
  const other = { id: "11111111-2222-4333-8444-555555555555", alias: "globex" };
  let postern: StartedBinary;

  beforeAll(async () => {
    postern = await startBinary({ dataDir: await seededFolder([user("ada"), user("only-acme")]) });
    expect((await postern.login({ email, password })).status).toBe(200);
    // Beside the running server: it must not go on believing that there is one.
    await createAccount(postern.dataDir, other);
    await importRecords(postern.dataDir, [user("ada", { password: "the other password" })], other.id);
  });

  test.each<[string, Record<string, unknown>]>([
    ["no account", {}],
    ["an empty one", { accountId: "" }],
    ["a null one", { accountId: null, accountAlias: null }],
  ])("that names %s is refused as a wrong password", async (_, named) => {
    const { status, body } = await postern.login({ ...named, email, password });
    expect([status, body["code"]]).toEqual([400, "INVALID_CREDENTIALS"]);
  });

  test.each([
    ["by id", { accountId: account.id }, password, account.id],
    ["by alias", { accountAlias: "ACME-corp" }, password, account.id],
    ["by both", { accountId: account.id, accountAlias: account.alias }, password, account.id],
    ["by the other's id", { accountId: other.id }, "the other password", other.id],
    ["by the other's alias", { accountAlias: other.alias }, "the other password", other.id],
  ])("reaches the user of the account it names %s", async (_, named, itsPassword, found) => {
    const answer = await postern.login({ ...named, email, password: itsPassword });
    expect(answer.status).toBe(200);
    expect(accountOf(answer)).toBe(found);
  });

  test("that names two different ones by id and alias is refused as a wrong password", async () => {
    const named = { accountId: account.id, accountAlias: other.alias };
    for (const tried of [password, "the other password"]) {
      const { status, body } = await postern.login({ ...named, email, password: tried });
      expect([status, body["code"]]).toEqual([400, "INVALID_CREDENTIALS"]);
    }
  });

  test("does not reach a user of the one through the other", async () => {
    const { status, body } = await postern.login({
      accountId: other.id,
      email: "only-acme@example.com",
      password,
    });
    expect([status, body["code"]]).toEqual([400, "INVALID_CREDENTIALS"]);
  });
});
