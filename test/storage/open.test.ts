import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openForCommand } from "../../src/compose.ts";
import { readConfig } from "../../src/config/config.ts";
import { type Clock, systemClock } from "../../src/lib/clock.ts";
import { migrate } from "../../src/storage/sqlite/migrate.ts";
import { migrations } from "../../src/storage/sqlite/migrations.ts";
import { type OpenOptions, openConnection } from "../../src/storage/sqlite/open.ts";
import { takeServerLock } from "../../src/storage/sqlite/server-lock.ts";
import { fakeClock } from "../support/fake-clock.ts";
import { atEnd, temporaryFolder } from "../support/postern.ts";

const newFile = () => join(temporaryFolder(), "postern.db");

async function open(file: string, given: Partial<OpenOptions> = {}) {
  const connection = await openConnection({
    file,
    clock: systemClock,
    role: "server",
    mayMigrate: () => true,
    ...given,
  });
  let closed: Promise<void> | undefined;
  const close = () => (closed ??= connection.close());
  atEnd(close);
  return { ...connection, close };
}

const refusalOf = (opening: Promise<unknown>) =>
  opening.then(
    () => "opened",
    (error: Error) => `${error.name}: ${error.message}`,
  );

describe("an open database", () => {
  test("is on the disk before anybody is answered, minds references, and bounds its log", async () => {
    const { raw } = await open(newFile());
    const pragma = (name: string) => raw.query(`PRAGMA ${name}`).values()[0]?.[0];
    expect({
      journal: pragma("journal_mode"),
      synchronous: pragma("synchronous"),
      foreignKeys: pragma("foreign_keys"),
      autoVacuum: pragma("auto_vacuum"),
      journalSizeLimit: pragma("journal_size_limit"),
      checkpointAt: pragma("wal_autocheckpoint"),
      temporary: pragma("temp_store"),
      trustedSchema: pragma("trusted_schema"),
    }).toEqual({
      journal: "wal",
      synchronous: 2,
      foreignKeys: 1,
      autoVacuum: 2,
      journalSizeLimit: 16 * 1024 * 1024,
      checkpointAt: 4_096,
      temporary: 2,
      trustedSchema: 0,
    });
  });

  test("blocks a server's event loop only for moments where another process is in the way", async () => {
    const timeoutOf = async (role: OpenOptions["role"]) =>
      (await open(newFile(), { role })).raw.query("PRAGMA busy_timeout").values()[0]?.[0];
    expect(await timeoutOf("server")).toBe(5);
    expect(await timeoutOf("command")).toBe(10_000);
  });

  test("tells of commits of other processes within 250 ms, and not of its own", async () => {
    const [file, clock] = [newFile(), fakeClock()];
    const server = await open(file, { clock });
    const command = await open(file, { role: "command" });
    let told = 0;
    server.onForeignCommit(() => {
      told += 1;
    });
    server.raw.run("CREATE TABLE own (id)");
    await clock.advance(1_000);
    expect(told).toBe(0);
    command.raw.run("CREATE TABLE foreigners (id)");
    expect(told).toBe(0);
    await clock.advance(250);
    expect(told).toBe(1);
    await clock.advance(1_000);
    expect(told).toBe(1);
  });

  test("leaves an empty write-ahead log behind when the server ends", async () => {
    const file = newFile();
    const server = await open(file);
    await server.write(() => server.raw.run("CREATE TABLE written (id)"));
    expect(Bun.file(`${file}-wal`).size).toBeGreaterThan(0);
    await server.close();
    expect(Bun.file(`${file}-wal`).size).toBe(0);
  });
});

describe("a database that cannot be opened is refused with what to do:", () => {
  const said = (file: string) =>
    new RegExp(
      `^OperatorError: The database ${file} cannot be opened \\(.+\\): it must be a file of Postern, in a folder that the user who runs this may write, on a disk with room\\.$`,
    );

  test("a new one in a read-only folder, and an old one there", async () => {
    const file = newFile();
    const folder = join(file, "..");
    chmodSync(folder, 0o555);
    expect(await asStranger(() => refusalOf(open(file)))).toMatch(said(file));
    chmodSync(folder, 0o755);
    await (await open(file)).close();
    chmodSync(file, 0o444);
    chmodSync(folder, 0o555);
    expect(await asStranger(() => refusalOf(open(file)))).toMatch(said(file));
    chmodSync(folder, 0o755);
  });

  test("a file that is something else", async () => {
    const file = newFile();
    writeFileSync(file, "not a database, but long enough to look like one at the first glance");
    expect(await refusalOf(open(file))).toMatch(said(file));
  });

  test("a folder that is not there", async () => {
    const file = join(temporaryFolder(), "missing/postern.db");
    expect(await refusalOf(open(file))).toMatch(said(file));
  });
});

/** Permissions stop everybody but root: a test that runs as root steps down for the moment. */
function asStranger<T>(work: () => T): T {
  if (process.geteuid?.() !== 0) return work();
  process.seteuid?.(65_534);
  try {
    return work();
  } finally {
    process.seteuid?.(0);
  }
}

describe("a command beside a server", () => {
  const refused =
    "OperatorError: The database must be migrated for this version, and a server of an older one is running on it: restart the server with this version first.";

  test("does not migrate the database under an older one, and says to restart it", async () => {
    const [dataDir, clock] = [temporaryFolder(), fakeClock()];
    const lock = await takeServerLock(join(dataDir, "server.lock"), clock);
    const { config } = readConfig({
      flags: { "data-dir": dataDir },
      environment: {},
      defaultConcurrency: 1,
    });
    const opening = refusalOf(openForCommand(config, { create: true, clock }));
    await clock.advance(2_999);
    expect(Bun.peek.status(opening)).toBe("pending");
    await clock.advance(51);
    expect(await opening).toBe(refused);
    lock.release();
  });

  test("waits for one that is just starting, and so migrating", async () => {
    const [file, clock] = [newFile(), fakeClock()];
    const opening = open(file, { role: "command", mayMigrate: () => false, clock });
    await clock.advance(100);
    migrateBeside(file, clock);
    await clock.advance(50);
    expect((await opening).raw.query("SELECT count(*) FROM accounts").values()).toEqual([[0]]);
  });

  test("works beside one of the same version", async () => {
    const file = newFile();
    await open(file);
    expect(await refusalOf(open(file, { role: "command", mayMigrate: () => false }))).toBe("opened");
  });
});

function migrateBeside(file: string, clock: Clock): void {
  const server = new Database(file);
  migrate(server, migrations, clock);
  server.close();
}
