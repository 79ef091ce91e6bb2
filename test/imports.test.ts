import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import {
  eachThingHasOneOwner,
  everyFileHasItsPlace,
  featuresKnowOnlyEarlierOnes,
  importsGoOneWay,
  longestFile,
  longFilesSayWhy,
  modelsTakeOnlyTheSchemaBuilder,
  namesSaySomething,
  nothingIsLeftForLater,
  type Rule,
} from "./support/house-rules.ts";
import { projectFolder, readSourceFiles, scanned, sourceFile, written } from "./support/source-files.ts";

const files = await readSourceFiles();

const rules: [sentence: string, rule: Rule][] = [
  ["every file is in a layer, and every feature in the order of features", everyFileHasItsPlace],
  ["a file imports only from its own layer or from one to the left", importsGoOneWay],
  [
    "a feature knows the models and decisions of earlier ones, never their routes or store",
    featuresKnowOnlyEarlierOnes,
  ],
  [
    "Elysia, SQL, the network, the clock and randomness are known to their owners alone",
    eachThingHasOneOwner,
  ],
  ["a model takes nothing from Elysia but the schema builder", modelsTakeOnlyTheSchemaBuilder],
  ["every file's name says something", namesSaySomething],
  [`a file of more than ${longestFile} lines says why at its head`, longFilesSayWhy],
  [
    "nothing is marked as unfinished, and no comment silences the linter or the compiler",
    nothingIsLeftForLater,
  ],
];

describe("the source", () => {
  test.each(rules)("%s", (_sentence, rule) => {
    expect(files.flatMap(rule)).toEqual([]);
  });

  test("is read whole: every import that Bun's scanner finds is found as it is written", () => {
    expect(files.length).toBeGreaterThan(100);
    for (const { source } of files) expect(written(source)).toEqual(expect.arrayContaining(scanned(source)));
  });

  test("has files whose median is under 120 lines", () => {
    const lengths = files.map(({ source }) => source.split("\n").length - 1).sort((a, b) => a - b);
    expect(lengths[Math.floor(lengths.length / 2)]).toBeLessThan(120);
  });
});

test("tests and scripts leave nothing for later, and their names say something", async () => {
  const others = [...new Bun.Glob("{test,scripts,bench}/**/*.ts").scanSync({ cwd: projectFolder })];
  expect(others.length).toBeGreaterThan(10);
  for (const path of others) {
    const file = sourceFile(path, await Bun.file(join(projectFolder, path)).text());
    expect([...namesSaySomething(file), ...nothingIsLeftForLater(file)]).toEqual([]);
  }
});

const longText = "run();\n".repeat(longestFile + 1);

describe("the rules notice", () => {
  const forbidden: [what: string, rule: Rule, path: string, source: string][] = [
    ["a new layer", everyFileHasItsPlace, "server/listen.ts", ""],
    ["a new feature", everyFileHasItsPlace, "features/billing/model.ts", ""],
    ["an import", importsGoOneWay, "lib/ids.ts", 'import { a } from "../http/schemas.ts";'],
    ["a type import", importsGoOneWay, "lib/ids.ts", 'import type { A } from "../http/schemas.ts";'],
    [
      "an export of a type",
      importsGoOneWay,
      "outbox/store.ts",
      'export type { A } from "../storage/storage.ts";',
    ],
    [
      "an import of many lines",
      importsGoOneWay,
      "outbox/drain.ts",
      'import {\n  type A,\n  b,\n} from "../app.ts";',
    ],
    ["a late import", importsGoOneWay, "config/config.ts", 'export const a = await import("../main.ts");'],
    ["an import for effect", importsGoOneWay, "config/config.ts", 'import "../main.ts";'],
    [
      "the package's version elsewhere",
      importsGoOneWay,
      "ops/health.ts",
      'import a from "../../package.json";',
    ],
    ["a migration elsewhere", importsGoOneWay, "cli/list.ts", 'import a from "../../drizzle/0000_a.sql";'],
    [
      "a later feature",
      featuresKnowOnlyEarlierOnes,
      "features/users/a.ts",
      'import { a } from "../login/b.ts";',
    ],
    [
      "another's store",
      featuresKnowOnlyEarlierOnes,
      "features/login/a.ts",
      'import type { A } from "../users/store.ts";',
    ],
    [
      "another's routes",
      featuresKnowOnlyEarlierOnes,
      "features/login/a.ts",
      'import { a } from "../users/routes.ts";',
    ],
    ["Elysia in a decision", eachThingHasOneOwner, "features/login/login.ts", 'import { t } from "elysia";'],
    [
      "a plugin in the composition",
      eachThingHasOneOwner,
      "compose.ts",
      'import { jwt } from "@elysiajs/jwt";',
    ],
    [
      "a database in a command",
      eachThingHasOneOwner,
      "cli/list.ts",
      'import type { Database } from "bun:sqlite";',
    ],
    ["Drizzle in a command", eachThingHasOneOwner, "cli/list.ts", 'import { eq } from "drizzle-orm/sql";'],
    ["SQL in a command", eachThingHasOneOwner, "cli/list.ts", 'run("SELECT id FROM users");'],
    ["fetch in the outbox", eachThingHasOneOwner, "outbox/deliver.ts", "await fetch(url);"],
    ["fetch handed on", eachThingHasOneOwner, "outbox/deliver.ts", "send(globalThis.fetch);"],
    ["Date.now", eachThingHasOneOwner, "http/guard.ts", "export const now = Date.now();"],
    ["a Date of now", eachThingHasOneOwner, "http/guard.ts", "export const now = new Date();"],
    ["a timer", eachThingHasOneOwner, "http/guard.ts", "setTimeout(run, 1_000);"],
    ["a random id", eachThingHasOneOwner, "lib/ids.ts", "export const id = crypto.randomUUID();"],
    ["a random number", eachThingHasOneOwner, "lib/ids.ts", "export const dice = Math.random();"],
    [
      "more than `t`",
      modelsTakeOnlyTheSchemaBuilder,
      "features/users/model.ts",
      'import { Elysia, t } from "elysia";',
    ],
    ["utils", namesSaySomething, "lib/utils.ts", ""],
    ["string-helpers", namesSaySomething, "lib/string-helpers.ts", ""],
    ["a folder named common", namesSaySomething, "http/common/body.ts", ""],
    ["a long file", longFilesSayWhy, "lib/ids.ts", longText],
    ["what is unfinished", nothingIsLeftForLater, "lib/ids.ts", `// ${"TO"}${"DO"}: later`],
  ];
  test.each(forbidden)("%s", (_what, rule, path, source) => {
    expect(rule(sourceFile(path, source))).toHaveLength(1);
  });
});

describe("the rules allow", () => {
  const allowed: [what: string, path: string, source: string][] = [
    [
      "the version in its place",
      "lib/version.ts",
      'import a from "../../package.json" with { type: "json" };',
    ],
    [
      "a migration in storage",
      "storage/sqlite/migrations.ts",
      'import a from "../../../drizzle/0000_a.sql";',
    ],
    [
      "a store's type in storage",
      "storage/sqlite/a.ts",
      'import type { A } from "../../features/users/store.ts";',
    ],
    ["SQL in storage", "storage/sqlite/a.ts", 'run("DELETE FROM users");'],
    ["an earlier feature's decision", "features/login/a.ts", 'import { a } from "../users/set-password.ts";'],
    ["a comment about the clock", "features/login/a.ts", "// not Date.now()\nrun();"],
    ["`t` in a model", "features/users/model.ts", 'import { t } from "elysia";'],
    ["Elysia in routes", "features/users/routes.ts", 'import { Elysia } from "elysia";'],
    ["a handler named fetch", "ops/listen.ts", "Bun.serve({ fetch: (request) => answer(request) });"],
    [
      "a method named fetch",
      "ops/listen.ts",
      "Bun.serve({ fetch(request) { return app.fetch(request); } });",
    ],
    ["a Date of a given time", "http/guard.ts", "export const then = new Date(clock.now());"],
    ["a telling name", "lib/common-passwords.ts", ""],
    ["a file just short enough", "lib/ids.ts", "run();\n".repeat(longestFile)],
    ["a long file with a reason", "lib/ids.ts", `// One table, hence more than 300 lines.\n${longText}`],
  ];
  test.each(allowed)("%s", (_what, path, source) => {
    const file = sourceFile(path, source);
    expect(rules.flatMap(([, rule]) => rule(file))).toEqual([]);
  });
});
