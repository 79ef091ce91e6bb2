import { beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cliOn, isOneLine } from "../support/cli.ts";
import { rowsOf } from "../support/database.ts";
import { temporaryFolder } from "../support/postern.ts";

const dataDir = temporaryFolder();
const cli = cliOn(dataDir);

type Fields = Record<string, unknown>;
const user = (fields: Fields = {}): Fields => ({
  kind: "user",
  email: "ada@example.com",
  firstName: "Ada",
  lastName: "",
  ...fields,
});
const webhook = (fields: Fields = {}): Fields => ({
  kind: "webhook",
  name: "crm",
  url: "https://example.com",
  events: ["account.logged-in"],
  ...fields,
});
const organization = (fields: Fields = {}): Fields => ({ kind: "organization", name: "Engines", ...fields });
const without = (record: Fields, field: string) =>
  Object.fromEntries(Object.entries(record).filter(([name]) => name !== field));

beforeAll(async () => {
  for (const alias of ["acme", "other"]) {
    await cli(["account", "create", "--alias", alias, "--company", alias]);
  }
  const taken = fileOf([
    user({ id: "others-user" }),
    organization({ id: "others-organization" }),
    { kind: "reseller", id: "others-reseller", name: "Resale" },
    { kind: "role", name: "others-role" },
    webhook({ id: "others-webhook" }),
  ]);
  expect((await cli(["import", taken, "--account", "other"])).code).toBe(0);
});

function fileOf(lines: readonly (Fields | string | Uint8Array)[]): string {
  const file = join(temporaryFolder(), "records.jsonl");
  const bytes = lines.flatMap((line) => [
    line instanceof Uint8Array ? line : Buffer.from(typeof line === "string" ? line : JSON.stringify(line)),
    Buffer.from("\n"),
  ]);
  writeFileSync(file, Buffer.concat(bytes));
  return file;
}

const importing = (lines: readonly (Fields | string | Uint8Array)[], ...more: string[]) =>
  cli(["import", fileOf(lines), "--account", "acme", ...more]);
const rows = () => rowsOf(dataDir, "SELECT id FROM users UNION ALL SELECT id FROM audit_log");

const argon2 = (m: number, t: number, p: number) =>
  `$argon2id$v=19$m=${m},t=${t},p=${p}$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g`;
const bcrypt = (cost: string) => `$2b$${cost}$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy`;
const items = (count: number) => Array.from({ length: count }, (_, index) => `item-${index}`);
const metadata = (count: number) => items(count).map((key) => ({ key, value: "v" }));

/** What is refused, and what the reason must name. */
const bad: [string, Fields | string | Uint8Array, RegExp][] = [
  ["no JSON", "{", /not JSON/],
  ["no object", "[1]", /not a JSON object/],
  ["not UTF-8", Uint8Array.of(0x7b, 0xff, 0x7d), /not UTF-8/],
  [
    "a line over 1 MiB",
    JSON.stringify(user({ company: "x".repeat(1_048_577) })),
    /longer than 1048576 bytes/,
  ],
  ["nesting without end", `${"[".repeat(400_000)}`, /not JSON/],
  ["no kind", without(user(), "kind"), /kind must be one of/],
  ["an unknown kind", user({ kind: "usr" }), /did you mean user\?/],
  ["a kind that every object has", user({ kind: "constructor" }), /there is no kind/],
  ["an unknown field", user({ pasword: "x" }), /"pasword": did you mean password\?/],
  [
    "an unknown nested field",
    user({ emailPreference: { metric: true } }),
    /emailPreference: there is no field "metric"/,
  ],
  [
    "__proto__",
    '{"kind":"user","email":"a@b.c","firstName":"A","lastName":"","__proto__":{"role":"admin"}}',
    /__proto__/,
  ],
  ["no e-mail", without(user(), "email"), /email is missing/],
  ["no first name", without(user(), "firstName"), /firstName is missing/],
  ["an empty first name", user({ firstName: "" }), /firstName is empty/],
  ["an e-mail that is none", user({ email: "a@b@c" }), /email must be an e-mail address/],
  [
    "an e-mail of 257 characters",
    user({ email: `${"a".repeat(245)}@example.com` }),
    /email has more than 256/,
  ],
  ["a name of 257 characters", user({ lastName: "😀".repeat(257) }), /lastName has more than 256/],
  ["a number for a text", user({ company: 5 }), /company must be a text/],
  ["text for a flag", user({ googleSsoEnabled: "yes" }), /googleSsoEnabled must be true or false/],
  ["NUL in a text", user({ company: "a\0b" }), /company must be text without NUL/],
  [
    "half a character",
    String.raw`{"kind":"user","email":"a@b.c","firstName":"\ud800","lastName":""}`,
    /firstName must be text/,
  ],
  ["an id with an underscore", user({ id: "a_b" }), /id must be 1 to 36/],
  ["an id of 37 characters", user({ id: "a".repeat(37) }), /id/],
  ["an empty id", user({ id: "" }), /id must be 1 to 36/],
  ["another account's user", user({ id: "others-user" }), /others-user belongs to another account/],
  [
    "another account's organization",
    organization({ id: "others-organization" }),
    /belongs to another account/,
  ],
  [
    "another account's reseller",
    { kind: "reseller", id: "others-reseller", name: "R" },
    /belongs to another account/,
  ],
  ["another account's webhook", webhook({ id: "others-webhook" }), /belongs to another account/],
  [
    "a reference to another account's organization",
    user({ organizationId: "others-organization" }),
    /organizationId: .*others-organization/,
  ],
  [
    "a reference to another account's reseller",
    organization({ resellerId: "others-reseller" }),
    /resellerId: .*others-reseller/,
  ],
  ["another account's role", user({ role: "others-role" }), /role: .*others-role/],
  ["a role that is not there", user({ roles: ["user", "auditor"] }), /roles: .*auditor/],
  ["no roles", user({ roles: [] }), /roles has fewer than 1/],
  ["a role twice", user({ roles: ["user", "user"] }), /roles has an item twice/],
  ["51 roles", user({ roles: items(51) }), /roles has more than 50/],
  ["51 tags", user({ tags: items(51) }), /tags has more than 50/],
  ["51 metadata", user({ metadata: metadata(51) }), /metadata has more than 50/],
  ["a metadata key twice", user({ metadata: [...metadata(1), ...metadata(1)] }), /metadata has a key twice/],
  [
    "a metadata value of 2049 characters",
    user({ metadata: [{ key: "k", value: "x".repeat(2_049) }] }),
    /metadata\.0\.value has more than 2048/,
  ],
  ["a status that is none", user({ status: "deleted" }), /status must be active or suspended/],
  ["a password of 7 characters", user({ password: "p4ssw0r" }), /password: .*at least 8/],
  ["a password of 257 characters", user({ password: "é".repeat(257) }), /password: .*at most 256/],
  ["the e-mail as the password", user({ password: "ADA@example.com" }), /password: .*e-mail/],
  ["password and hash", user({ password: "a good password", passwordHash: bcrypt("10") }), /only one/],
  ["a hash of another kind", user({ passwordHash: "$scrypt$ln=16,r=8,p=1$aa$bb" }), /passwordHash/],
  ["an Argon2 hash that asks for 4 GiB", user({ passwordHash: argon2(4_194_304, 2, 1) }), /passwordHash/],
  ["an Argon2 hash of 257 MiB", user({ passwordHash: argon2(262_145, 2, 1) }), /passwordHash/],
  ["an Argon2 hash of 11 passes", user({ passwordHash: argon2(19_456, 11, 1) }), /passwordHash/],
  ["an Argon2 hash of 17 lanes", user({ passwordHash: argon2(19_456, 2, 17) }), /passwordHash/],
  ["a bcrypt hash of cost 15", user({ passwordHash: bcrypt("15") }), /passwordHash/],
  ["a secret that is not base32", user({ twoFactorSecret: "JBSWY3DPEHPK3PX8" }), /twoFactorSecret/],
  ["a secret of 75 bits", user({ twoFactorSecret: "JBSWY3DPEHPK3PX" }), /twoFactorSecret/],
  ["recovery codes alone", user({ recoveryCodes: ["abcd1234"] }), /twoFactorSecret/],
  [
    "a recovery code of dashes",
    user({ twoFactorSecret: "JBSWY3DPEHPK3PXP", recoveryCodes: ["--------"] }),
    /recoveryCodes/,
  ],
  ["a role called all", { kind: "role", name: "all" }, /name must be/],
  ["a role with a space behind it", { kind: "role", name: "auditor " }, /name must be/],
  ["a negative allowance", organization({ allowedUsers: -1 }), /allowedUsers/],
  ["half an allowance", organization({ allowedUsers: 1.5 }), /allowedUsers must be a whole number/],
  ["an address that is text", organization({ address: "London" }), /address must be an object/],
  ["a webhook without a URL", without(webhook(), "url"), /url is missing/],
  [
    "a webhook to a private address",
    webhook({ url: "https://10.0.0.1" }),
    /url: .*POSTERN_WEBHOOK_ALLOW_NETWORKS/,
  ],
  ["a webhook of an unknown event", webhook({ events: ["login"] }), /events: .*account\.logged-in/],
  ["a webhook of no event", webhook({ events: [] }), /events has fewer than 1/],
  [
    "a webhook of an unknown format",
    webhook({ signatureFormat: "github" }),
    /signatureFormat must be cryptlex or standard/,
  ],
  [
    "a token that the format cannot use",
    webhook({ signatureFormat: "standard", token: "abc" }),
    /token: .*whsec_/,
  ],
];

/** The other side of the bounds above. */
const good: [string, Fields][] = [
  ["a name of 256 characters", user({ lastName: "😀".repeat(256) })],
  ["an id of 36 characters", user({ id: "a".repeat(36) })],
  ["50 tags and 50 metadata", user({ tags: items(50), metadata: metadata(50) })],
  ["a metadata value of 2048 characters", user({ metadata: [{ key: "k", value: "x".repeat(2_048) }] })],
  ["a password of 8 characters", user({ password: "p4ssw0r!" })],
  ["a password of 256 characters", user({ password: "é".repeat(256) })],
  ["an Argon2 hash at its bounds", user({ passwordHash: argon2(262_144, 10, 16) })],
  ["a bcrypt hash of cost 14", user({ passwordHash: bcrypt("14") })],
  ["a secret of 80 bits", user({ twoFactorSecret: "JBSW Y3DP EHPK 3PXP", recoveryCodes: ["abc-123"] })],
];

describe("an import file", () => {
  test("has each bad line named by number and reason, and nothing is imported", async () => {
    const before = rows();
    const { code, stdout, stderr } = await importing([
      user({ email: "good@example.com" }),
      ...bad.map(([, line]) => line),
    ]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    const said = stderr.trimEnd().split("\n");
    expect(said.pop()).toBe(
      `postern: nothing was imported, since ${bad.length} lines of ${bad.length + 1} cannot be: correct them, or import the others with --keep-going`,
    );
    const numbers = said.map((line) => Number(/^line (\d+): /.exec(line)?.[1]));
    expect(numbers.toSorted((one, other) => one - other)).toEqual(bad.map((_, index) => index + 2));
    expect(rows()).toEqual(before);
  });

  test.each(bad)("is refused for %s", async (_case, line, reason) => {
    const { code, stdout, stderr } = await importing([line]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr.split("\n")[0]).toMatch(/^line 1: /);
    expect(stderr.split("\n")[0]).toMatch(reason);
    expect(stderr.length).toBeLessThan(700);
  });

  test.each(good)("is taken with %s", async (name, line) => {
    const email = `good-${Bun.hash(name).toString(36)}@example.com`;
    const { code, stderr } = await importing([{ ...line, email }]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });

  test("names secrets in no reason", async () => {
    const secrets = ["sho-rt!", "$scrypt$secret", "secret-base32!", "secret-token"];
    const { stderr } = await importing([
      user({ password: secrets[0] }),
      user({ passwordHash: secrets[1] }),
      user({ twoFactorSecret: secrets[2] }),
      webhook({ signatureFormat: "standard", token: secrets[3] }),
    ]);
    for (const secret of secrets) expect(stderr).not.toContain(secret);
  });

  test("cannot have a record twice", async () => {
    const { stderr } = await importing([
      user({ email: "twice@example.com" }),
      user({ email: "TWICE@example.com" }),
    ]);
    expect(stderr).toContain("line 2: line 1 is about the same user");
  });
});

describe("--keep-going", () => {
  test("imports the good lines, not those that refer to bad ones, and ends with 1", async () => {
    const lines = [
      user({ email: "kept@example.com" }),
      user({ email: "child@example.com", organizationId: "kept-o" }),
      organization({ id: "kept-o", resellerId: "kept-r" }),
      { kind: "reseller", id: "kept-r", name: "" },
      "nonsense",
    ];
    const { code, stdout, record } = await importing(lines, "--keep-going", "--json");
    expect(code).toBe(1);
    const summary = record();
    expect(summary).toMatchObject({ lines: 5, created: 1, failed: 4 });
    expect(summary["errors"]).toHaveLength(4);
    expect(stdout).toContain("kept-r");
    const emails = (await cli(["user", "list", "--account", "acme", "--json"]))
      .records()
      .map(({ email }) => email);
    expect(emails).toContain("kept@example.com");
    expect(emails).not.toContain("child@example.com");
    const people = await importing(lines, "--keep-going");
    expect(people.stdout).toBe(
      "Imported 1 line: 0 created, 0 updated, 1 unchanged.\nNot imported: 4 lines.\n",
    );
  });
});

describe("a file that cannot be imported", () => {
  test("is told of in one line: none, a folder, a pipe", async () => {
    const folder = join(temporaryFolder(), "folder");
    mkdirSync(folder);
    for (const file of [join(folder, "none"), folder, "/dev/stdin"]) {
      const { code, stdout, stderr } = await cli(["import", file, "--account", "acme"]);
      expect({ code, stdout, line: isOneLine(stderr) }).toEqual({ code: 1, stdout: "", line: true });
    }
  });

  test("of no lines imports nothing, and that is well", async () => {
    const { code, stdout } = await importing([""]);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: "Imported 0 lines: 0 created, 0 updated, 0 unchanged.\n",
    });
  });

  test("of an account that does not exist is not read", async () => {
    const { code, stderr } = await cli(["import", fileOf([user()]), "--account", "nobody"]);
    expect(code).toBe(1);
    expect(stderr).toContain('no account "nobody"');
  });
});
