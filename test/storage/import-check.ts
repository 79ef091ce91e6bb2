import { expect, test } from "bun:test";
import type { ImportCheck, LineProblem, NotedLine } from "../../src/features/import/store.ts";
import { mostWebhooksOfAnAccount } from "../../src/features/webhooks/model.ts";
import { makeAccount, makeUser, makeWebhook, type Opened, type OpenStorage } from "./contract.ts";

type Given = Partial<NotedLine> & Pick<NotedLine, "kind" | "name">;

/** An account whose import is being checked, and how its lines are noted: numbered from 1. */
async function checking(database: Opened, lines: readonly Given[], accountId?: string) {
  const account = accountId ?? (await makeAccount(database.storage)).id;
  const check = await database.storage.imports.startCheck(account);
  const reasons: (string | undefined)[] = [];
  for (const [index, line] of lines.entries()) {
    reasons.push(await check.note({ id: null, references: [], line: index + 1, ...line }));
  }
  return { check, reasons, dangling: await all(check) };
}

async function all(check: ImportCheck): Promise<LineProblem[]> {
  const problems: LineProblem[] = [];
  for await (const problem of check.danglers()) problems.push(problem);
  return problems;
}

const reseller = (id: string): Given => ({ kind: "reseller", id, name: id });
const organization = (id: string, resellerId?: string): Given => ({
  kind: "organization",
  id,
  name: id,
  references: resellerId === undefined ? [] : [{ kind: "reseller", field: "resellerId", to: resellerId }],
});
const user = (name: string, references: NotedLine["references"] = []): Given => ({
  kind: "user",
  name: `${name}@example.com`,
  references,
});
const inOrganization = (to: string): NotedLine["references"] => [
  { kind: "organization", field: "organizationId", to },
];

/** What the first pass of an import asks of storage. */
export function importCheckContract(open: OpenStorage): void {
  test("finds nothing wrong with references to lines above and below", async () => {
    await using database = await open();
    const { check, reasons, dangling } = await checking(database, [
      user("ada", inOrganization("o-1")),
      organization("o-1", "r-1"),
      user("bob", [...inOrganization("o-1"), { kind: "role", field: "role", to: "auditor" }]),
      reseller("r-1"),
      { kind: "role", name: "auditor" },
      user("cyd", [
        { kind: "role", field: "role", to: "auditor" },
        { kind: "role", field: "roles", to: "admin" },
        { kind: "reseller", field: "resellerId", to: "r-1" },
      ]),
    ]);
    expect(reasons.filter(Boolean)).toEqual([]);
    expect(dangling).toEqual([]);
    await check.close();
  });

  test("refuses lines whose references lead nowhere, and those that refer to them", async () => {
    await using database = await open();
    const { check, dangling } = await checking(database, [
      user("ada", inOrganization("o-1")),
      organization("o-1", "r-9"),
      user("bob", inOrganization("o-1")),
      user("cyd", inOrganization("o-2")),
      organization("o-2"),
      user("dan", [{ kind: "role", field: "roles", to: "auditor" }]),
    ]);
    expect(dangling.map(({ line }) => line).sort()).toEqual([1, 2, 3, 6]);
    expect(dangling.find(({ line }) => line === 2)?.reason).toContain("resellerId");
    const refused = await Promise.all([1, 2, 3, 4, 5, 6].map((line) => check.isRefused(line)));
    expect(refused).toEqual([true, true, true, false, false, true]);
    await check.close();
  });

  test("counts what the account has, not what another has", async () => {
    await using database = await open();
    const { imports } = database.storage;
    const [mine, others] = [await makeAccount(database.storage), await makeAccount(database.storage)];
    const mark = { now: 0, auditId: "a", newId: "n" };
    await imports.importReseller({ id: "r-1", name: "Mine" }, { ...mark, accountId: mine.id });
    await imports.importReseller(
      { id: "r-2", name: "Others'" },
      { ...mark, auditId: "b", accountId: others.id },
    );
    const { check, reasons, dangling } = await checking(
      database,
      [organization("o-1", "r-1"), organization("o-2", "r-2"), reseller("r-2")],
      mine.id,
    );
    expect(dangling.map(({ line }) => line)).toEqual([2]);
    expect(reasons[2]).toContain("another account");
    await check.close();
  });

  const same: [string, [Given, Given]][] = [
    ["one id", [reseller("r-1"), { ...reseller("r-1"), name: "another" }]],
    [
      "one name and no id",
      [
        { kind: "webhook", name: "crm" },
        { kind: "webhook", name: "crm" },
      ],
    ],
    [
      "one name, of which one has an id",
      [
        { kind: "webhook", name: "crm" },
        { kind: "webhook", name: "crm", id: "w-1" },
      ],
    ],
    ["one e-mail in two cases", [user("ada"), user("ADA")]],
    [
      "one e-mail and two ids",
      [
        { ...user("ada"), id: "u-1" },
        { ...user("ada"), id: "u-2" },
      ],
    ],
    [
      "one role",
      [
        { kind: "role", name: "auditor" },
        { kind: "role", name: "auditor" },
      ],
    ],
  ];
  test.each(same)("names the line above that is about the same record: %s", async (_case, lines) => {
    await using database = await open();
    const { check, reasons } = await checking(database, lines);
    expect(reasons[0]).toBeUndefined();
    expect(reasons[1]).toContain("line 1");
    await check.close();
  });

  test("lets two records with ids of their own share a name", async () => {
    await using database = await open();
    const { check, reasons } = await checking(database, [
      { ...reseller("r-1"), name: "Resale" },
      { ...reseller("r-2"), name: "Resale" },
    ]);
    expect(reasons).toEqual([undefined, undefined]);
    await check.close();
  });

  test("knows a user of the account by id and by e-mail for the same one", async () => {
    await using database = await open();
    const { id: accountId } = await makeAccount(database.storage);
    await makeUser(database.storage, { accountId, id: "u-1", email: "ada@example.com" });
    const { check, reasons } = await checking(
      database,
      [user("ada"), { ...user("new"), id: "u-1" }, { ...user("Ada"), id: "u-2" }],
      accountId,
    );
    expect(reasons[0]).toBeUndefined();
    expect(reasons[1]).toContain("line 1");
    expect(reasons[2]).toContain("u-1");
    await check.close();
  });

  test("counts the webhooks that the account would have", async () => {
    await using database = await open();
    const { id: accountId } = await makeAccount(database.storage);
    await makeWebhook(database.storage, { accountId, name: "crm" });
    const lines = Array.from(
      { length: mostWebhooksOfAnAccount },
      (_, index): Given => ({
        kind: "webhook",
        name: `w-${index}`,
      }),
    );
    const { check, reasons } = await checking(
      database,
      [...lines, { kind: "webhook", name: "crm" }],
      accountId,
    );
    expect(reasons.slice(0, -2).filter(Boolean)).toEqual([]);
    expect(reasons.at(-2)).toContain("100");
    expect(reasons.at(-1)).toBeUndefined();
    await check.close();
  });

  test("remembers the lines it was told to refuse, and writes nothing to the account", async () => {
    await using database = await open();
    const { id: accountId } = await makeAccount(database.storage);
    const entries = (await database.auditLog(accountId)).length;
    const { check } = await checking(database, [user("ada")], accountId);
    await check.refuse(7);
    expect([await check.isRefused(7), await check.isRefused(8)]).toEqual([true, false]);
    await check.close();
    expect(await database.storage.users.findUserByEmail(accountId, "ada@example.com")).toBeUndefined();
    expect(await database.auditLog(accountId)).toHaveLength(entries);
  });
}
