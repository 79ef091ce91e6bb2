import type { Applied } from "../features/import/apply-file.ts";
import { type ImportProgress, type ImportResult, importFile } from "../features/import/import-file.ts";
import { mostLineBytes } from "../features/import/model.ts";
import type { LineProblem } from "../features/import/store.ts";
import type { Clock } from "../lib/clock.ts";
import { openLineFile } from "../lib/line-file.ts";
import { checkWebhookUrl } from "../outbox/address-guard.ts";
import { accountOption, type Command, dataDirOption, jsonOption } from "./command.ts";
import { findAccount } from "./find.ts";
import type { Output } from "./output.ts";

/** As many problems stand in the JSON summary; standard error has them all. */
const mostProblemsInSummary = 1_000;

/** ms between two looks of the progress line. */
const progressInterval = 100;

export const importCommand: Command = {
  name: "import",
  summary: "Brings resellers, organizations, roles, users and webhooks from a file into an account.",
  arguments: [{ name: "FILE", help: "A file of JSON Lines: one record a line, with its kind." }],
  options: {
    ...accountOption,
    "keep-going": { kind: "flag", help: "Imports the good lines although there are bad ones." },
    ...dataDirOption,
    ...jsonOption,
  },
  notes: [
    "The file is checked first, and each bad line named; if there is one, nothing is imported. Lines may stand in any order.",
    "Importing a file again changes nothing; a changed line changes its record, found by id or, without one, by e-mail or name. Fields that a line does not have stay as they are. The password and second factor of a user who exists already are never changed.",
    "docs/commands.md has every kind and field.",
  ],
  async run({ input, output, open }) {
    const services = await open({ create: true });
    const account = await findAccount(services, input.text("account"));
    const file = await openLineFile(input.argument(), mostLineBytes);
    const problems: LineProblem[] = [];
    try {
      const result = await importFile(
        {
          ...services,
          ...services.config,
          store: services.storage.imports,
          checkUrl: (url) => checkWebhookUrl(url, services.config.webhookAllowNetworks),
        },
        {
          accountId: account.id,
          file,
          keepGoing: input.flag("keep-going"),
          async onProblem(problem) {
            output.progress(undefined);
            await output.warn(`line ${problem.line}: ${problem.reason}`);
            if (problems.length < mostProblemsInSummary) problems.push(problem);
          },
          onProgress: progressLine(output, services.clock),
        },
      );
      output.progress(undefined);
      const summary = summaryJson(account.id, result, problems);
      if (result.applied === undefined && !output.json) await output.warn(refusal(result));
      else await output.record(summary, summarySentences(result).join("\n"));
      return summary.failed === 0 ? 0 : 1;
    } finally {
      await file.close();
    }
  },
};

/** Says how far the import is, a few times a second. */
function progressLine(output: Output, clock: Clock): (progress: ImportProgress) => void {
  let shownAt = Number.NEGATIVE_INFINITY;
  return ({ phase, done, of }) => {
    const now = clock.monotonic();
    if (now - shownAt < progressInterval) return;
    shownAt = now;
    output.progress(of === undefined ? `${phase} ${done} lines` : `${phase} ${done} of ${of} records`);
  };
}

function summaryJson(
  accountId: string,
  { checked, applied }: ImportResult,
  problems: readonly LineProblem[],
) {
  return {
    accountId,
    lines: checked.lines,
    created: applied?.counts.created ?? 0,
    updated: applied?.counts.updated ?? 0,
    unchanged: applied?.counts.unchanged ?? 0,
    failed: checked.bad + (applied?.failed ?? 0),
    credentialsKept: applied?.credentialsKept ?? 0,
    webhooks: applied?.generatedTokens ?? [],
    errors: problems.map(({ line, reason }) => ({ line, message: reason })),
  };
}

function refusal({ checked }: ImportResult): string {
  return `postern: nothing was imported, since ${lines(checked.bad)} of ${checked.lines} cannot be: correct them, or import the others with --keep-going`;
}

function summarySentences({ checked, applied }: ImportResult): string[] {
  if (applied === undefined) return [];
  const { created, updated, unchanged } = applied.counts;
  const failed = checked.bad + applied.failed;
  return [
    `Imported ${lines(created + updated + unchanged)}: ${created} created, ${updated} updated, ${unchanged} unchanged.`,
    ...(failed === 0 ? [] : [`Not imported: ${lines(failed)}.`]),
    ...keptSentence(applied),
    ...applied.generatedTokens.map(
      ({ name, id, token }) =>
        `The webhook ${name} (${id}) got a signing token, which is shown this once: ${token}`,
    ),
  ];
}

function keptSentence({ credentialsKept }: Applied): string[] {
  if (credentialsKept === 0) return [];
  return [
    `The passwords and second factors of ${credentialsKept} users who existed already were left as they are.`,
  ];
}

function lines(count: number): string {
  return count === 1 ? "1 line" : `${count} lines`;
}
