import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { type StartedInProcess, startInProcess, temporaryFolder } from "../support/postern.ts";
import { seededFolder, user } from "../support/seed.ts";
import { stoppedClock } from "../support/stopped-clock.ts";
import { enrol, loginOutcome, recoveryCodesOf, stepMs } from "../support/two-factor.ts";

const clock = stoppedClock();

/** A backup as docs/operations.md makes it, restored into an empty folder. */
function restored(from: string, backup: string): string {
  const dataDir = temporaryFolder();
  copyFileSync(backup, join(dataDir, "postern.db"));
  copyFileSync(join(from, "secret.key"), join(dataDir, "secret.key"));
  return dataDir;
}

function backUp(postern: StartedInProcess): string {
  const file = join(temporaryFolder(), "backup.db");
  const database = new Database(join(postern.dataDir, "postern.db"), { readonly: true });
  database.run("VACUUM INTO ?", [file]);
  database.close();
  return file;
}

describe("after the restore of a backup", () => {
  test("a code of a step that the backup has, or of one before it, stays used", async () => {
    const postern = await startInProcess({ dataDir: await seededFolder([user("ada")]), clock });
    const mine = await enrol(postern, clock, "ada@example.com");
    clock.move(stepMs);
    const [before, used] = [mine.code(-1), mine.code()];
    expect(await loginOutcome(postern, mine.email, { twoFactorCode: used })).toBe("200");
    const backup = backUp(postern);
    await postern.server.stop();
    const again = await startInProcess({ dataDir: restored(postern.dataDir, backup), clock });
    for (const twoFactorCode of [used, before]) {
      expect(await loginOutcome(again, mine.email, { twoFactorCode })).toBe("INVALID_TWO_FACTOR_CODE");
    }
    expect(await loginOutcome(again, mine.email, { twoFactorCode: mine.code(1) })).toBe("200");
  });

  test("a code used since then works again while its time lasts, a recovery code for good, and what was turned on since is off", async () => {
    const postern = await startInProcess({ dataDir: await seededFolder([user("ada"), user("late")]), clock });
    const mine = await enrol(postern, clock, "ada@example.com");
    const [twoFactorRecoveryCode] = await recoveryCodesOf(mine);
    clock.move(stepMs);
    const backup = backUp(postern);
    const since = mine.code();
    expect(await loginOutcome(postern, mine.email, { twoFactorCode: since })).toBe("200");
    expect(await loginOutcome(postern, mine.email, { twoFactorRecoveryCode })).toBe("200");
    const late = await enrol(postern, clock, "late@example.com");
    await postern.server.stop();

    const again = await startInProcess({ dataDir: restored(postern.dataDir, backup), clock });
    expect(await loginOutcome(again, mine.email, { twoFactorCode: since })).toBe("200");
    expect(await loginOutcome(again, mine.email, { twoFactorRecoveryCode })).toBe("200");
    expect(await loginOutcome(again, late.email)).toBe("200");
    await again.server.stop();

    const soon = await startInProcess({ dataDir: restored(postern.dataDir, backup), clock });
    clock.move(2 * stepMs);
    expect(await loginOutcome(soon, mine.email, { twoFactorCode: since })).toBe("INVALID_TWO_FACTOR_CODE");
  });
});
