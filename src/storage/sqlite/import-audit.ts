import { noRequest } from "../../features/audit/model.ts";
import type { ImportKind } from "../../features/import/model.ts";
import type { ImportMark, ImportOutcome } from "../../features/import/store.ts";
import { auditWriter } from "./audit.ts";
import type { Connection } from "./open.ts";

export type ImportAudit = (
  record: { kind: ImportKind; id: string },
  outcome: "created" | "updated",
  mark: ImportMark,
) => ImportOutcome;

/** Writes the audit entry of an imported record, inside its transaction. */
export function importAudit(connection: Connection): ImportAudit {
  const writeAudit = auditWriter(connection);
  return (record, outcome, { accountId, now, auditId }) => {
    writeAudit({
      id: auditId,
      accountId,
      at: now,
      action: `${record.kind}.imported`,
      actor: "operator",
      target: record,
      from: noRequest,
      details: { created: outcome === "created" },
    });
    return { kind: outcome, id: record.id };
  };
}
