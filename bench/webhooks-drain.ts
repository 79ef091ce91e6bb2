// How fast the outbox drains to one healthy receiver, beside what bare `fetch` does with the same requests, and how much of that is
// left while another receiver is dead and 200,000 of its deliveries wait. Run: bun bench/webhooks-drain.ts

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "drizzle-orm";
import { tokenBinding } from "../src/features/webhooks/token.ts";
import { systemClock } from "../src/lib/clock.ts";
import { makeLog } from "../src/lib/log.ts";
import { parseNetwork } from "../src/lib/networks.ts";
import { systemRandom } from "../src/lib/random.ts";
import { makeSecrets } from "../src/lib/secrets.ts";
import { makeDrain } from "../src/outbox/drain.ts";
import { type Connection, openConnection } from "../src/storage/sqlite/open.ts";
import { outboxStore } from "../src/storage/sqlite/outbox.ts";
import { accounts, outboxDeliveries, outboxEvents, webhooks } from "../src/storage/sqlite/schema.ts";
import { standardSchedule } from "../test/support/standard-schedule.ts";

const deliveries = 20_000;
const deadBacklog = 200_000;
/** Of each figure the median of so many is printed: disks are moody. */
const rounds = 3;
const goalPerSecond = 2_000;
const goalBesideDead = 0.9;

/** As large as an event of a login commonly is. */
const body = JSON.stringify({ event: "account.logged-in", data: { filler: "x".repeat(2_290) } });

const secrets = makeSecrets(systemRandom.bytes(32), systemRandom);

const accountId = "bench";

type Receiver = { url: string; stop(): void };
type DeadKind = "refuses" | "silent";

if (process.argv[2] === "receiver") receive(process.argv[3] === "silent");
else await measure();

async function measure(): Promise<void> {
  const receiver = await startReceiver("prompt");
  print("bare fetch, 32 at a time", await rateOfFetch(receiver.url));
  const rates: Record<string, number[]> = { alone: [], refuses: [], silent: [] };
  for (let round = 0; round < rounds; round += 1) {
    rates["alone"]?.push(await rateOfDrain(receiver.url));
    rates["refuses"]?.push(await rateOfDrain(receiver.url, "refuses"));
    rates["silent"]?.push(await rateOfDrain(receiver.url, "silent"));
  }
  const [alone, refuses, silent] = Object.values(rates).map(median);
  print("the outbox, one healthy receiver", alone, `goal >= ${goalPerSecond}`);
  print("... beside a dead one that refuses", refuses, beside(refuses, alone));
  print("... beside a dead one that stays silent", silent, beside(silent, alone));
  receiver.stop();
}

function median(values: number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? 0;
}

function beside(rate = 0, alone = 1): string {
  return `${(rate / alone).toFixed(2)} of that, goal >= ${goalBesideDead}`;
}

function print(what: string, perSecond = 0, beside = ""): void {
  process.stdout.write(`${what.padEnd(44)} ${perSecond.toFixed(0).padStart(7)}/s  ${beside}\n`);
}

async function rateOfFetch(url: string): Promise<number> {
  let left = deliveries;
  const begun = systemClock.monotonic();
  await Promise.all(
    Array.from({ length: 32 }, async () => {
      while (left-- > 0) await (await fetch(url, { method: "POST", body })).arrayBuffer();
    }),
  );
  return (deliveries / (systemClock.monotonic() - begun)) * 1_000;
}

/** Deliveries a second that are sent and recorded. With `dead`: beside a receiver that is, and its backlog. */
async function rateOfDrain(url: string, dead?: DeadKind): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "postern-bench-"));
  const file = join(folder, "postern.db");
  const clock = systemClock;
  const connection = await openConnection({ file, clock, role: "server", mayMigrate: () => true });
  const healthy = addWebhook(connection, url);
  fill(connection, healthy, deliveries);
  const silent = dead === "silent" ? await startReceiver("silent") : undefined;
  if (dead !== undefined)
    fill(connection, addWebhook(connection, silent?.url ?? "http://127.0.0.1:1/"), deadBacklog);
  // What filling left for later must not be done while the clock runs.
  connection.raw.run("PRAGMA wal_checkpoint(TRUNCATE)");
  const done = Promise.withResolvers<void>();
  let delivered = 0;
  const loopback = parseNetwork("127.0.0.0/8");
  const drain = makeDrain({
    store: outboxStore(connection, secrets, systemRandom),
    clock,
    random: systemRandom,
    log: makeLog({ level: "error", format: "text", clock, write: (line) => process.stderr.write(line) }),
    config: { webhookSchedule: [...standardSchedule], webhookAllowNetworks: loopback ? [loopback] : [] },
    observe({ outcome }) {
      if (outcome === "delivered") delivered += 1;
      if (delivered === deliveries) done.resolve();
    },
  });
  const begun = clock.monotonic();
  await drain.start();
  await done.promise;
  const seconds = (clock.monotonic() - begun) / 1_000;
  silent?.stop();
  await drain.stop(0);
  await connection.close();
  rmSync(folder, { recursive: true });
  return deliveries / seconds;
}

function addWebhook({ db }: Connection, url: string): string {
  const id = systemRandom.uuid(systemClock.now());
  const times = { createdAt: 0, updatedAt: 0 };
  db.insert(accounts)
    .values({
      id: accountId,
      alias: "bench",
      aliasKey: "bench",
      company: "",
      status: "active",
      requireTwoFactor: "none",
      ...times,
    })
    .onConflictDoNothing()
    .run();
  const token = secrets.seal("a signing token", tokenBinding(id));
  const health = { health: "healthy", healthReason: "", failures: 0, probes: 0 } as const;
  db.insert(webhooks)
    .values({
      id,
      accountId,
      name: "",
      url,
      token,
      signatureFormat: "cryptlex",
      active: true,
      ...health,
      ...times,
    })
    .run();
  return id;
}

/** Writes due deliveries as logins do, only faster. */
function fill({ db, raw }: Connection, webhookId: string, count: number): void {
  const id = sql.placeholder("id");
  const now = systemClock.now();
  const event = { id, accountId, type: "account.logged-in", body, createdAt: now };
  const insertEvent = db.insert(outboxEvents).values(event).prepare();
  const delivery = {
    eventId: id,
    webhookId,
    state: "pending",
    attempts: 0,
    nextAttemptAt: now,
    createdAt: now,
  } as const;
  const insertDelivery = db.insert(outboxDeliveries).values(delivery).prepare();
  raw.transaction(() => {
    for (let index = 0; index < count; index += 1) {
      insertEvent.run({ id: `evt_${webhookId}-${index}` });
      insertDelivery.run({ id: `evt_${webhookId}-${index}` });
    }
  })();
}

/** A receiver in a process of its own: it must not take turns with the loop. */
async function startReceiver(kind: "prompt" | "silent"): Promise<Receiver> {
  const child = Bun.spawn([process.execPath, import.meta.path, "receiver", kind], { stdout: "pipe" });
  const { value } = await child.stdout.getReader().read();
  const port = new TextDecoder().decode(value).trim();
  return { url: `http://127.0.0.1:${port}/hook`, stop: () => child.kill() };
}

function receive(silent: boolean): void {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    async fetch(request) {
      if (silent) await new Promise(() => {});
      await request.arrayBuffer();
      return new Response("ok");
    },
  });
  process.stdout.write(`${server.port}\n`);
}
