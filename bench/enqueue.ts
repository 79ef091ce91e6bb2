// What a webhook adds to a login in the one transaction that records both, and whether a million deliveries that wait
// for another receiver make logins slower or the server larger. Run: bun run build && bun bench/enqueue.ts

import { Database } from "bun:sqlite";
import { join } from "node:path";
import { openForCommand, type Services } from "../src/compose.ts";
import { readConfig } from "../src/config/config.ts";
import { noRequest } from "../src/features/audit/model.ts";
import { systemClock, wait } from "../src/lib/clock.ts";
import { newEventId, newId } from "../src/lib/ids.ts";
import { median, say, sayFigure } from "./support/figures.ts";
import { residentMiB } from "./support/process.ts";
import {
  accountAlias,
  type BenchFolder,
  emailOf,
  makeFolder,
  password,
  startServer,
} from "./support/server.ts";

const backlog = 1_000_000;
const users = 50;
const rounds = 20;
const loginsEach = 100;
/** Nobody listens there, and nothing is sent: only what is written is measured. */
const nowhere = "http://127.0.0.1:9/";

/** Records one login after the other, `loginsEach` of them; answers how long each took, in ms. */
type Recorder = () => Promise<number[]>;

const plain = await makeFolder({ users });
const hooked = await makeFolder({ users, receiver: nowhere });
const burdened = await makeFolder({ users, receiver: nowhere });
fill(burdened);

const verification = await verificationMs();
const recorders = await Promise.all([plain, hooked, burdened].map(recorderOf));
const times: number[][] = recorders.map(() => []);
for (let round = 0; round < rounds; round += 1) {
  for (const [index, record] of recorders.entries()) times[index]?.push(...(await record()));
}
const [without = 0, withWebhook = 0, withBacklog = 0] = times.map((all) => median(all));
const added = (withWebhook - without) / (verification + without);
const slower = (verification + withBacklog) / (verification + withWebhook) - 1;

say(`medians of ${rounds * loginsEach} logins each, in turns`);
sayFigure("a bare verification", `${verification.toFixed(2)} ms`);
sayFigure("recording a login, no webhook", `${without.toFixed(2)} ms`);
sayFigure("... with one webhook", `${withWebhook.toFixed(2)} ms`);
sayFigure(
  `... while ${backlog.toLocaleString("en")} deliveries wait for another`,
  `${withBacklog.toFixed(2)} ms`,
);
sayFigure("what the webhook adds to a login", percent(added), { text: "limit < 3 %", holds: added < 0.03 });
sayFigure("what the waiting ones add to a login", percent(slower), {
  text: "limit <= 10 %",
  holds: slower <= 0.1,
});

const [empty, full] = [await idleMiB(hooked), await idleMiB(burdened)];
sayFigure("resident memory of the idle server", `${empty.toFixed(1)} MiB`);
sayFigure("... while they wait", `${full.toFixed(1)} MiB`);
for (const folder of [plain, hooked, burdened]) folder.remove();
process.exit();

function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}

async function verificationMs(): Promise<number> {
  const hash = await Bun.password.hash(password, { algorithm: "argon2id", memoryCost: 19_456, timeCost: 2 });
  const measured: number[] = [];
  for (let count = 0; count < 40; count += 1) {
    const begun = systemClock.monotonic();
    await Bun.password.verify(password, hash);
    measured.push(systemClock.monotonic() - begun);
  }
  return median(measured);
}

async function recorderOf({ settings }: BenchFolder): Promise<Recorder> {
  const { config } = readConfig({ flags: {}, environment: settings, defaultConcurrency: 1 });
  const services = await openForCommand(config, { create: false });
  const { login } = services.storage;
  const account = await login.findLoginAccount(null, accountAlias);
  if (account === undefined) throw new Error("the account is gone");
  const found = await Promise.all(
    Array.from({ length: users }, (_, number) => login.findLoginUser(account.id, emailOf(number))),
  );
  const userIds = found.flatMap((user) => user?.id ?? []);
  return async () => {
    const measured: number[] = [];
    for (let count = 0; count < loginsEach; count += 1) {
      const begun = systemClock.monotonic();
      await record(services, account.id, userIds[count % users] ?? "");
      measured.push(systemClock.monotonic() - begun);
    }
    return measured;
  };
}

async function record(
  { storage, clock, random }: Services,
  accountId: string,
  userId: string,
): Promise<void> {
  const now = clock.now();
  const outcome = await storage.login.recordLogin({
    identity: random.bytes(32),
    accountId,
    userId,
    passwordVersion: 1,
    proof: null,
    session: { id: newId(random, now), from: noRequest, expiresAt: now + 1_000_000 },
    now,
    auditId: newId(random, now),
    eventId: newEventId(random, now),
    recovery: { auditId: newId(random, now), eventId: newEventId(random, now) },
  });
  if (outcome.kind !== "logged-in") throw new Error(`a login was refused: ${outcome.kind}`);
}

/** A second webhook, which no login concerns, and what waits for it. */
function fill({ dataDir }: BenchFolder): void {
  const database = new Database(join(dataDir, "postern.db"));
  database.run("PRAGMA foreign_keys = ON");
  const now = systemClock.now();
  database.run("BEGIN");
  database.run("CREATE TEMP TABLE copied AS SELECT * FROM webhooks");
  database.run("UPDATE copied SET id = 'unreachable'");
  database.run("INSERT INTO webhooks SELECT * FROM copied");
  const numbers = `WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${backlog})`;
  database.run(
    `INSERT INTO outbox_events (id, account_id, type, body, created_at)
     ${numbers} SELECT 'evt_' || n, (SELECT account_id FROM copied), 'account.logged-in', '{}', ${now} FROM numbers`,
  );
  database.run(
    `INSERT INTO outbox_deliveries (event_id, webhook_id, state, attempts, next_attempt_at, created_at)
     ${numbers} SELECT 'evt_' || n, 'unreachable', 'pending', 1, ${now + 3_600_000} + n, ${now} FROM numbers`,
  );
  database.run("COMMIT");
  database.run("PRAGMA wal_checkpoint(TRUNCATE)");
  database.close();
}

async function idleMiB(folder: BenchFolder): Promise<number> {
  const server = await startServer(folder);
  await wait(systemClock, 5_000);
  const resident = residentMiB(server.pid);
  await server.stop();
  return resident;
}
