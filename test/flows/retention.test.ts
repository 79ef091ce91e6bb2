import { expect, test } from "bun:test";
import { openForCommand } from "../../src/compose.ts";
import { readConfig } from "../../src/config/config.ts";
import { makeLog } from "../../src/lib/log.ts";
import { makeRetention } from "../../src/outbox/retention.ts";
import { rowsOf } from "../support/database.ts";
import { movableClock } from "../support/movable-clock.ts";
import { startInProcess } from "../support/postern.ts";
import { startReceiver } from "../support/receiver.ts";
import { importRecords, password, seededFolder, user, webhook } from "../support/seed.ts";

const day = 24 * 3_600_000;
const loopback = { POSTERN_WEBHOOK_ALLOW_NETWORKS: "127.0.0.0/8" };
const ada = { email: "ada@example.com", password };

/** Sweeps a folder as its server does each hour, at the time that the clock says. */
async function sweep(dataDir: string, clock: ReturnType<typeof movableClock>) {
  const environment = { POSTERN_DATA_DIR: dataDir };
  const { config } = readConfig({ flags: {}, environment, defaultConcurrency: 2 });
  const services = await openForCommand(config, { create: false, clock });
  const log = makeLog({ level: "error", format: "json", clock, write: () => {} });
  try {
    return await makeRetention({ store: services.storage.retention, clock, log, config }).sweep();
  } finally {
    await services.close();
  }
}

const countOf = (dataDir: string, table: string) =>
  rowsOf<{ count: number }>(dataDir, `SELECT count(*) AS count FROM ${table}`)[0]?.count;

test("an event that nobody waits for is forgotten after the retention, not before", async () => {
  const clock = movableClock();
  const dataDir = await seededFolder([user("ada")]);
  const postern = await startInProcess({ dataDir, clock });
  expect((await postern.login(ada)).status).toBe(200);
  await postern.server.stop();
  clock.move(30 * day - 60_000);
  expect((await sweep(dataDir, clock)).events).toBe(0);
  clock.move(120_000);
  expect((await sweep(dataDir, clock)).events).toBe(1);
  expect(countOf(dataDir, "outbox_events")).toBe(0);
}, 20_000);

test("a delivered event goes with its deliveries and attempts, one that is still to be sent stays however old", async () => {
  const clock = movableClock();
  const receiver = await startReceiver();
  const dataDir = await seededFolder([user("ada")]);
  await importRecords(dataDir, [webhook(receiver.url, "token-one")], undefined, loopback);
  const postern = await startInProcess({ dataDir, clock, settings: loopback });
  await postern.login(ada);
  await receiver.next();
  receiver.behave({ kind: "answer", status: 500 });
  await postern.login(ada);
  await receiver.next();
  await postern.server.stop();
  await receiver.close();
  expect(countOf(dataDir, "delivery_attempts")).toBe(2);
  clock.move(31 * day);
  expect((await sweep(dataDir, clock)).events).toBe(1);
  expect(rowsOf<{ state: string }>(dataDir, "SELECT state FROM outbox_deliveries")).toEqual([
    { state: "pending" },
  ]);
  expect(countOf(dataDir, "delivery_attempts")).toBe(1);
}, 20_000);

test("sessions are forgotten a week after they expired, not before", async () => {
  const clock = movableClock();
  const dataDir = await seededFolder([user("ada")]);
  const postern = await startInProcess({ dataDir, clock });
  await postern.login(ada);
  await postern.server.stop();
  clock.move(97 * day - 60_000);
  expect((await sweep(dataDir, clock)).sessions).toBe(0);
  clock.move(120_000);
  expect((await sweep(dataDir, clock)).sessions).toBe(1);
}, 20_000);
