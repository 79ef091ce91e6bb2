import { type Clock, wait } from "../../lib/clock.ts";
import { ApiError, OperatorError } from "../../lib/errors.ts";
import { newId } from "../../lib/ids.ts";
import type { LineFile } from "../../lib/line-file.ts";
import type { ImportKind, ImportRecord } from "./model.ts";
import {
  type PrepareDeps,
  preparedOrganization,
  preparedReseller,
  preparedUser,
  preparedWebhook,
} from "./prepare.ts";
import { BadLine, type ReadRecord } from "./read-record.ts";
import type { ImportCheck, ImportMark, ImportOutcome, ImportStore, LineProblem } from "./store.ts";

export type ApplyDeps = PrepareDeps & { store: ImportStore };

export type AppliedCounts = Record<ImportOutcome["kind"], number>;

/** A signing token that was generated: shown this once. */
export type GeneratedToken = { id: string; name: string; token: string };

export type Applied = {
  counts: AppliedCounts;
  failed: number;
  /** Users who were there already and whose line brings a password or a second factor, which they kept as they were. */
  credentialsKept: number;
  generatedTokens: GeneratedToken[];
};

export type ApplyRequest = {
  accountId: string;
  file: LineFile;
  check: ImportCheck;
  readRecord: ReadRecord;
  /** Whether some lines are not to be applied. */
  someRefused: boolean;
  kinds: ReadonlySet<ImportKind>;
  onProblem(problem: LineProblem): Promise<void>;
  onApplied(records: number): void;
};

/** What is referred to comes first, so that the order of the lines does not matter. */
const stages: readonly (readonly ImportKind[])[] = [
  ["reseller", "role"],
  ["organization"],
  ["user", "webhook"],
];

/** As many records share a commit: it holds the lock that a running server's logins need for some tens of ms. */
const batchRecords = 100;
const batchCharacters = 1024 * 1024;

/**
 * ms. After each commit the import stands back as long as the commit took, at most this, so that logins come in
 * between.
 */
const longestPauseMs = 50;

type Numbered = { line: number; record: ImportRecord };

/** The second pass: a reading of the file for each stage that has lines, applied in batches. */
export async function applyFile(deps: ApplyDeps, request: ApplyRequest): Promise<Applied> {
  const applied: Applied = {
    counts: { created: 0, updated: 0, unchanged: 0 },
    failed: 0,
    credentialsKept: 0,
    generatedTokens: [],
  };
  for (const stage of stages) {
    if (!stage.some((kind) => request.kinds.has(kind))) continue;
    for await (const batch of batches(request, stage)) await applyBatch(deps, request, applied, batch);
  }
  return applied;
}

async function* batches(
  { file, check, readRecord, someRefused }: ApplyRequest,
  stage: readonly ImportKind[],
): AsyncGenerator<Numbered[]> {
  let batch: Numbered[] = [];
  let characters = 0;
  for await (const line of file.lines()) {
    if (someRefused && (await check.isRefused(line.number))) continue;
    if ("fault" in line) throw changed();
    const record = readAgain(readRecord, line.text);
    if (!stage.includes(record.kind)) continue;
    batch.push({ line: line.number, record });
    characters += line.text.length;
    if (batch.length < batchRecords && characters < batchCharacters) continue;
    yield batch;
    batch = [];
    characters = 0;
  }
  if (batch.length > 0) yield batch;
}

/** A line that was good at the first reading and is not now. */
function readAgain(readRecord: ReadRecord, text: string): ImportRecord {
  try {
    return readRecord(text);
  } catch (error) {
    throw error instanceof BadLine ? changed() : error;
  }
}

async function applyBatch(
  deps: ApplyDeps,
  request: ApplyRequest,
  applied: Applied,
  batch: readonly Numbered[],
): Promise<void> {
  // Hashes are made side by side, and the writes that follow meet in one commit.
  const writes = await Promise.allSettled(
    batch.map(({ record }) => prepared(deps, request, applied, record)),
  );
  if (!(await request.file.isUnchanged())) throw changed();
  const begun = deps.clock.monotonic();
  const outcomes = await Promise.allSettled(
    writes.map((write) => (write.status === "fulfilled" ? write.value() : Promise.reject(write.reason))),
  );
  const took = deps.clock.monotonic() - begun;
  for (const [index, outcome] of outcomes.entries()) {
    if (outcome.status === "fulfilled") {
      applied.counts[outcome.value.kind] += 1;
    } else if (outcome.reason instanceof ApiError || outcome.reason instanceof BadLine) {
      applied.failed += 1;
      await request.onProblem({ line: batch[index]?.line ?? 0, reason: outcome.reason.message });
    } else {
      throw outcome.reason;
    }
  }
  request.onApplied(batch.length);
  await wait(deps.clock, Math.min(took, longestPauseMs));
}

/** Does everything for one record that needs no transaction, and returns the rest. */
async function prepared(
  deps: ApplyDeps,
  { accountId }: ApplyRequest,
  applied: Applied,
  record: ImportRecord,
): Promise<() => Promise<ImportOutcome>> {
  const { store } = deps;
  const mark = newMark(deps, accountId);
  switch (record.kind) {
    case "reseller":
      return () => store.importReseller(preparedReseller(record), mark);
    case "organization":
      return () => store.importOrganization(preparedOrganization(record), mark);
    case "role":
      return () => store.importRole(record.name, mark);
    case "user": {
      const isNew = !(await store.hasUser(accountId, { id: record.id ?? null, email: record.email }));
      const user = await preparedUser(deps, record, { isNew, id: record.id ?? mark.newId });
      const brings = [record.password, record.passwordHash, record.twoFactorSecret];
      if (!isNew && brings.some((credential) => credential !== undefined)) applied.credentialsKept += 1;
      return () => store.importUser(user, mark);
    }
    case "webhook": {
      const stored = await store.findWebhook(accountId, { id: record.id ?? null, name: record.name });
      const { webhook, generatedToken } = preparedWebhook(deps, record, stored, record.id ?? mark.newId);
      return async () => {
        const outcome = await store.importWebhook(webhook, mark);
        if (generatedToken !== undefined) {
          applied.generatedTokens.push({ id: outcome.id, name: webhook.name, token: generatedToken });
        }
        return outcome;
      };
    }
  }
}

function newMark(
  { clock, random }: { clock: Clock; random: PrepareDeps["random"] },
  accountId: string,
): ImportMark {
  const now = clock.now();
  return { accountId, now, auditId: newId(random, now), newId: newId(random, now) };
}

function changed(): OperatorError {
  return new OperatorError(
    "The file was changed while it was read: some of it may be imported. Run the import again with a file that stays as it is.",
  );
}
