import { sql } from "drizzle-orm";
import type { AuditEntry } from "../../features/audit/model.ts";
import type { Connection } from "./open.ts";
import { auditLog } from "./schema.ts";

/** Writes audit entries inside the transaction of what they tell. */
export function auditWriter({ db }: Connection): (entry: AuditEntry) => void {
  const insert = db
    .insert(auditLog)
    .values({
      id: sql.placeholder("id"),
      accountId: sql.placeholder("accountId"),
      at: sql.placeholder("at"),
      action: sql.placeholder("action"),
      actor: sql.placeholder("actor"),
      targetKind: sql.placeholder("targetKind"),
      targetId: sql.placeholder("targetId"),
      origin: sql.placeholder("origin"),
      userAgent: sql.placeholder("userAgent"),
      address: sql.placeholder("address"),
      details: sql.placeholder("details"),
    })
    .prepare();
  return ({ id, accountId, at, action, actor, target, from, details }) => {
    insert.run({
      id,
      accountId,
      at,
      action,
      actor,
      targetKind: target.kind,
      targetId: target.id,
      ...from,
      details,
    });
  };
}
