import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { drizzle } from "drizzle-orm/bun-sqlite";
import { systemClock } from "../../src/lib/clock.ts";
import { systemRandom } from "../../src/lib/random.ts";
import { type Connection, openConnection } from "../../src/storage/sqlite/open.ts";
import { outboxStore } from "../../src/storage/sqlite/outbox.ts";
import * as schema from "../../src/storage/sqlite/schema.ts";
import { secrets } from "./contract.ts";

/** The statements that the outbox prepares, as SQLite gets them. */
function statementsOf(connection: Connection): string[] {
  const statements: string[] = [];
  const raw = new Proxy(connection.raw, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property);
      if (typeof value !== "function") return value;
      return (...given: unknown[]) => {
        if (property === "prepare" && typeof given[0] === "string") statements.push(given[0]);
        return Reflect.apply(value, target, given);
      };
    },
  });
  outboxStore({ ...connection, raw, db: drizzle(raw, { schema }) }, secrets, systemRandom);
  return statements;
}

test("SQLite answers everything that the outbox asks from an index: no statement scans a table or sorts its rows", async () => {
  const folder = mkdtempSync(join(tmpdir(), "postern-plans-"));
  const connection = await openConnection({
    file: join(folder, "postern.db"),
    clock: systemClock,
    role: "server",
    mayMigrate: () => true,
  });
  const statements = statementsOf(connection);
  expect(statements.length).toBeGreaterThan(20);
  for (const statement of statements) {
    const plan = connection.raw
      .query<{ detail: string }, []>(`EXPLAIN QUERY PLAN ${statement}`)
      .all()
      .map(({ detail }) => detail);
    const scans = plan.filter((step) => /^SCAN (?!CONSTANT ROW|\(subquery)/.test(step));
    // What asks for every delivery of a state, whatever its webhook, walks that state's own index.
    const ofWholeState = !/[?$]/.test(statement);
    const unindexed = scans.filter((step) => !(ofWholeState && /INDEX outbox_deliveries_/.test(step)));
    expect({ statement, unindexed }).toEqual({ statement, unindexed: [] });
    const sorts = plan.filter((step) => step.includes("TEMP B-TREE"));
    expect({ statement, sorts }).toEqual({ statement, sorts: [] });
  }
  await connection.close();
  rmSync(folder, { recursive: true });
});
