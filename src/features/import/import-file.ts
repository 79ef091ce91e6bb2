import type { LineFile } from "../../lib/line-file.ts";
import { type Applied, type ApplyDeps, applyFile } from "./apply-file.ts";
import { type CheckDeps, type CheckedFile, checkFile } from "./check-file.ts";
import { makeRecordReader } from "./read-record.ts";
import type { LineProblem } from "./store.ts";

export type ImportDeps = CheckDeps & ApplyDeps;

export type ImportProgress = { phase: "checked" | "imported"; done: number; of: number | undefined };

export type ImportRequest = {
  accountId: string;
  file: LineFile;
  /** Applies the good lines although there are bad ones. */
  keepGoing: boolean;
  onProblem(problem: LineProblem): Promise<void>;
  onProgress(progress: ImportProgress): void;
};

/** `applied` is undefined where bad lines kept everything from being applied. */
export type ImportResult = { checked: CheckedFile; applied: Applied | undefined };

/**
 * Imports a file of records into an account. It is read twice: first every line is checked, and each bad one named;
 * then, if there is none or nobody minds, the good ones are applied in short transactions. Doing it again changes
 * nothing. Throws OperatorError when the file changes meanwhile.
 */
export async function importFile(deps: ImportDeps, request: ImportRequest): Promise<ImportResult> {
  const { accountId, file, keepGoing, onProblem, onProgress } = request;
  const readRecord = makeRecordReader();
  const check = await deps.store.startCheck(accountId);
  try {
    const checked = await checkFile(deps, {
      accountId,
      file,
      check,
      readRecord,
      onProblem,
      onLine: (done) => onProgress({ phase: "checked", done, of: undefined }),
    });
    if (checked.bad > 0 && !keepGoing) return { checked, applied: undefined };
    let done = 0;
    const applied = await applyFile(deps, {
      accountId,
      file,
      check,
      readRecord,
      someRefused: checked.bad > 0,
      kinds: checked.kinds,
      onProblem,
      onApplied(records) {
        done += records;
        onProgress({ phase: "imported", done, of: checked.lines - checked.bad });
      },
    });
    return { checked, applied };
  } finally {
    await check.close();
  }
}
