import type { LineFile } from "../../lib/line-file.ts";
import type { Random } from "../../lib/random.ts";
import type { Secrets } from "../../lib/secrets.ts";
import { checkRecord, type RecordRules } from "./check-record.ts";
import type { ImportKind, ImportRecord } from "./model.ts";
import { preparedWebhook } from "./prepare.ts";
import { BadLine, type ReadRecord } from "./read-record.ts";
import { noted } from "./references.ts";
import type { ImportCheck, ImportStore, LineProblem } from "./store.ts";

export type CheckDeps = RecordRules & { store: ImportStore; secrets: Secrets; random: Random };

export type CheckedFile = {
  lines: number;
  /** Lines that cannot be applied. */
  bad: number;
  /** Kinds of which there is a good line. */
  kinds: Set<ImportKind>;
};

export type CheckRequest = {
  accountId: string;
  file: LineFile;
  check: ImportCheck;
  readRecord: ReadRecord;
  onProblem(problem: LineProblem): Promise<void>;
  onLine(lines: number): void;
};

/** The first pass: every line by itself, against those above, and against the account. Nothing is written. */
export async function checkFile(deps: CheckDeps, request: CheckRequest): Promise<CheckedFile> {
  const { file, check, onProblem, onLine } = request;
  const checked: CheckedFile = { lines: 0, bad: 0, kinds: new Set() };
  for await (const line of file.lines()) {
    checked.lines += 1;
    onLine(checked.lines);
    const reason = "fault" in line ? line.fault : await faultOf(deps, request, checked, line);
    if (reason === undefined) continue;
    checked.bad += 1;
    await check.refuse(line.number);
    await onProblem({ line: line.number, reason });
  }
  for await (const dangler of check.danglers()) {
    checked.bad += 1;
    await onProblem(dangler);
  }
  return checked;
}

async function faultOf(
  deps: CheckDeps,
  { accountId, check, readRecord }: CheckRequest,
  checked: CheckedFile,
  line: { number: number; text: string },
): Promise<string | undefined> {
  try {
    const record = readRecord(line.text);
    checkRecord(record, deps);
    const clash = await check.note(noted(line.number, record));
    if (clash !== undefined) return clash;
    await checkStoredToken(deps, accountId, record);
    checked.kinds.add(record.kind);
    return undefined;
  } catch (error) {
    if (error instanceof BadLine) return error.message;
    throw error;
  }
}

/** A webhook's format must suit the token that it brings or has. */
async function checkStoredToken(deps: CheckDeps, accountId: string, record: ImportRecord): Promise<void> {
  if (record.kind !== "webhook") return;
  const stored = await deps.store.findWebhook(accountId, { id: record.id ?? null, name: record.name });
  preparedWebhook(deps, record, stored, "");
}
