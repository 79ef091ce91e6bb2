import { expect, test } from "bun:test";
import { followKeys } from "../../src/features/sessions/follow-keys.ts";
import { rotateSigningKey } from "../../src/features/sessions/rotate-keys.ts";
import { generateSigningKey, loadSigningKeys } from "../../src/features/sessions/signing-keys.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { makeLog } from "../../src/lib/log.ts";
import { systemRandom } from "../../src/lib/random.ts";
import { makeSecrets } from "../../src/lib/secrets.ts";
import { openSqliteStorage } from "../../src/storage/sqlite/storage.ts";
import { atEnd, temporaryFolder } from "../support/postern.ts";

const secrets = makeSecrets(systemRandom.bytes(32), systemRandom);
const log = makeLog({ level: "error", format: "json", clock: systemClock, write: () => {} });

async function openOn(folder: string, role: "server" | "command") {
  const storage = await openSqliteStorage({
    file: `${folder}/postern.db`,
    clock: systemClock,
    random: systemRandom,
    secrets,
    role,
    mayMigrate: () => true,
  });
  atEnd(storage.close);
  return storage;
}

test("a rotation by another process is noticed, though it comes before the server listens for such", async () => {
  const folder = temporaryFolder();
  const storage = await openOn(folder, "server");
  const now = systemClock.now();
  await storage.sessions.addFirstSigningKey(await generateSigningKey(secrets, now, now));
  const keys = await loadSigningKeys(storage.sessions, secrets);
  const command = await openOn(folder, "command");
  const made = await rotateSigningKey(
    { store: command.sessions, secrets, clock: systemClock },
    { publishAhead: 0, withdrawOthers: true },
  );
  expect(keys.current(systemClock.now()).kid).not.toBe(made.id);
  await followKeys(keys, { ...storage, clock: systemClock, log });
  expect(keys.current(systemClock.now()).kid).toBe(made.id);
  expect(keys.jwks(systemClock.now()).keys.map(({ kid }) => kid)).toEqual([made.id]);
});
