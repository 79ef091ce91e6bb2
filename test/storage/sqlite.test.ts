import { Database } from "bun:sqlite";
import { describe } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eq, getTableColumns, sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/bun-sqlite";
import { systemClock } from "../../src/lib/clock.ts";
import { systemRandom } from "../../src/lib/random.ts";
import * as schema from "../../src/storage/sqlite/schema.ts";
import { openSqliteStorage } from "../../src/storage/sqlite/storage.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { accessTokenContract } from "./access-tokens.ts";
import { accountContract } from "./accounts.ts";
import { type KeptAuditEntry, now, type Opened, secrets } from "./contract.ts";
import { enrolmentContract } from "./enrolment.ts";
import { importContract } from "./import.ts";
import { loginContract } from "./login.ts";
import { outboxContract } from "./outbox.ts";
import { provedPasswordContract } from "./proved-password.ts";
import { sessionsContract } from "./sessions.ts";
import { userContract } from "./users.ts";
import { webhookContract } from "./webhooks.ts";

/** The contracts, held by SQLite. What only SQLite has (migrations, group commit, its locks) has tests of its own beside this one. */
describe("SQLite storage", () => {
  accountContract(openSqlite);
  userContract(openSqlite);
  webhookContract(openSqlite);
  accessTokenContract(openSqlite);
  importContract(openSqlite);
  loginContract(openSqlite);
  enrolmentContract(openSqlite);
  sessionsContract(openSqlite);
  provedPasswordContract(openSqlite);
  outboxContract(openSqlite);
});

async function openSqlite(): Promise<Opened> {
  const folder = mkdtempSync(join(tmpdir(), "postern-storage-"));
  const file = join(folder, "postern.db");
  const connections: Storage[] = [];
  const connect = async () => {
    const storage = await openSqliteStorage({
      file,
      clock: systemClock,
      random: systemRandom,
      secrets,
      role: "server",
      mayMigrate: () => true,
    });
    connections.push(storage);
    return storage;
  };
  const storage = await connect();
  const raw = new Database(file, { strict: true });
  const db = drizzle(raw, { schema });
  return {
    storage,
    connectAgain: connect,
    async enrol(userId, { sealedSecret, lastAcceptedStep, recoveryCodeHashes }) {
      db.insert(schema.twoFactor)
        .values({ userId, secret: Buffer.from(sealedSecret), lastAcceptedStep, enabledAt: now })
        .run();
      for (const hash of recoveryCodeHashes) {
        db.insert(schema.recoveryCodes)
          .values({ userId, codeHash: Buffer.from(hash), createdAt: now })
          .run();
      }
    },
    auditLog: async (accountId) =>
      db
        .select()
        .from(schema.auditLog)
        .where(eq(schema.auditLog.accountId, accountId))
        .orderBy(sql`rowid`)
        .all()
        .map(toAuditEntry),
    sessionEnds: async (userId) =>
      db
        .select({
          id: schema.sessions.id,
          endedAt: schema.sessions.endedAt,
          endReason: schema.sessions.endReason,
        })
        .from(schema.sessions)
        .where(eq(schema.sessions.userId, userId))
        .orderBy(sql`rowid`)
        .all(),
    deliveries: async (webhookId) =>
      db
        .select({
          id: schema.outboxDeliveries.id,
          eventId: schema.outboxDeliveries.eventId,
          state: schema.outboxDeliveries.state,
          attempts: schema.outboxDeliveries.attempts,
          nextAttemptAt: schema.outboxDeliveries.nextAttemptAt,
          endedAt: schema.outboxDeliveries.endedAt,
        })
        .from(schema.outboxDeliveries)
        .where(eq(schema.outboxDeliveries.webhookId, webhookId))
        .orderBy(schema.outboxDeliveries.id)
        .all(),
    attempts: async (deliveryId) => {
      const { id: _, deliveryId: __, ...kept } = getTableColumns(schema.deliveryAttempts);
      return db
        .select(kept)
        .from(schema.deliveryAttempts)
        .where(eq(schema.deliveryAttempts.deliveryId, deliveryId))
        .orderBy(schema.deliveryAttempts.id)
        .all();
    },
    async setActive(webhookId, active) {
      db.update(schema.webhooks).set({ active }).where(eq(schema.webhooks.id, webhookId)).run();
    },
    async [Symbol.asyncDispose]() {
      raw.close();
      for (const connection of connections) await connection.close();
      rmSync(folder, { recursive: true });
    },
  };
}

function toAuditEntry(row: typeof schema.auditLog.$inferSelect): KeptAuditEntry {
  const { targetKind, targetId, address, origin, userAgent, ...entry } = row;
  return { ...entry, target: { kind: targetKind, id: targetId }, from: { address, origin, userAgent } };
}
