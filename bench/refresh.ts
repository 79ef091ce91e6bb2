import { Database } from "bun:sqlite";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { Elysia } from "elysia";
import { openForCommand, startServer } from "../src/compose.ts";
import { readConfig } from "../src/config/config.ts";
import { createAccount } from "../src/features/accounts/create.ts";
import { signAccessToken } from "../src/features/sessions/access-token.ts";
import { createUser } from "../src/features/users/create.ts";
import { systemClock } from "../src/lib/clock.ts";
import { makeLog } from "../src/lib/log.ts";
import { systemRandom } from "../src/lib/random.ts";
import { makeGroupCommit } from "../src/storage/sqlite/commit.ts";
import { type LoadConnection, runLoad } from "./support/load.ts";

// How many refreshes a second, beside what its three parts allow alone: an Elysia route that does nothing, an ES256 signature, and a row in a
// group commit. And how long a refresh takes while logins keep both cores busy.

const seconds = 4;
const folder = mkdtempSync(join(tmpdir(), "postern-bench-"));
const say = (text: string) => process.stdout.write(`${text}\n`);

async function hello(connections: number): Promise<number> {
  const app = new Elysia().get("/", () => "hello").listen({ port: 0, hostname: "127.0.0.1" });
  const port = app.server?.port ?? 0;
  const load: LoadConnection[] = Array.from({ length: connections }, () => ({ kind: "get", path: "/" }));
  const report = await runLoad({ port, seconds, rate: null, connections: load });
  await app.stop(true);
  return report.answers / report.seconds;
}

function signatures(): number {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const key = { kid: "k".repeat(43), privateKey, publicKey };
  const id = systemRandom.uuid(systemClock.now());
  const identity = { accountId: id, userId: id, sessionId: id, role: "user" };
  const sign = () =>
    signAccessToken({
      key,
      issuer: "http://127.0.0.1:8080",
      identity,
      now: systemClock.now(),
      ttl: 900_000,
      random: systemRandom,
    });
  for (let warm = 0; warm < 2_000; warm += 1) sign();
  const begun = performance.now();
  let count = 0;
  while (performance.now() - begun < 1_000) {
    sign();
    count += 1;
  }
  return count / ((performance.now() - begun) / 1_000);
}

async function commits(callers: number): Promise<number> {
  const database = new Database(join(folder, `commits-${callers}.db`));
  for (const pragma of ["journal_mode = WAL", "synchronous = FULL"]) database.run(`PRAGMA ${pragma}`);
  database.run("CREATE TABLE rows (id INTEGER PRIMARY KEY, text TEXT)");
  const insert = database.prepare("INSERT INTO rows (text) VALUES ('a row like any other')");
  const commit = makeGroupCommit(database, systemClock);
  const begun = performance.now();
  let count = 0;
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (performance.now() - begun < 2_000) {
        await commit.write(() => insert.run());
        count += 1;
      }
    }),
  );
  const rate = count / ((performance.now() - begun) / 1_000);
  database.close();
  return rate;
}

/** Users whose sessions are refreshed, and as many others who log in: a login ends its user's oldest session beyond the hundredth. */
const usersCount = 4;
const password = "correct horse battery staple";
const email = (index: number) => `user-${index}@example.com`;

/** A server in this process on a new folder. `hash` in KiB and passes: cheap where only refreshes are measured. */
async function start(name: string, hash: { memory: string; passes: string }) {
  const environment = {
    POSTERN_DATA_DIR: join(folder, name),
    POSTERN_LISTEN: "127.0.0.1:0",
    POSTERN_HASH_MEMORY_KIB: hash.memory,
    POSTERN_HASH_ITERATIONS: hash.passes,
  };
  const { config } = readConfig({ flags: {}, environment, defaultConcurrency: availableParallelism() });
  const services = await openForCommand(config, { create: true });
  const { account } = await createAccount(
    { ...services, store: services.storage.accounts },
    { alias: "bench", company: "", actor: "operator" },
  );
  for (let index = 0; index < 2 * usersCount; index += 1) {
    const user = {
      accountId: account.id,
      email: email(index),
      firstName: "Bench",
      lastName: "",
      password,
      actor: "operator",
    } as const;
    await createUser({ ...services, ...config, store: services.storage.users }, user);
  }
  await services.close();
  const log = makeLog({
    level: "error",
    format: "json",
    clock: systemClock,
    write: (line) => process.stderr.write(line),
  });
  const server = await startServer(config, { log });
  return { server, port: Number(new URL(server.url).port) };
}

/** A session for each connection, spread over the users, since one may have 100. */
async function sessions(url: string, count: number): Promise<LoadConnection[]> {
  const load: LoadConnection[] = [];
  for (let made = 0; made < count; made += 1) {
    const answer = await fetch(`${url}/v3/accounts/login`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: loginBody(made % usersCount),
    });
    const { refreshToken }: { refreshToken: string } = JSON.parse(await answer.text());
    load.push({ kind: "refresh", token: refreshToken });
  }
  return load;
}

function loginBody(index: number): string {
  return JSON.stringify({ email: email(index), password });
}

async function rates(): Promise<void> {
  const sign = signatures();
  const { server, port } = await start("rates", { memory: "64", passes: "1" });
  say(`ES256 signatures alone: ${Math.round(sign)}/s`);
  say("connections   hello/s  commits/s    limit/s  refresh/s  of limit");
  for (const connections of [1, 32, 256]) {
    const [helloRate, commitRate] = [await hello(connections), await commits(connections)];
    const limit = 1 / (1 / helloRate + 1 / sign + 1 / commitRate);
    const report = await runLoad({
      port,
      seconds,
      rate: null,
      connections: await sessions(server.url, connections),
    });
    const rate = report.answers / report.seconds;
    const cells = [connections, helloRate, commitRate, limit, rate].map((cell) =>
      String(Math.round(cell)).padStart(10),
    );
    say(
      `${cells.join(" ")} ${(rate / limit).toFixed(2).padStart(9)}${report.failures > 0 ? `  ${report.failures} FAILED` : ""}`,
    );
  }
  await server.stop();
}

async function besideLogins(): Promise<void> {
  const { server, port } = await start("latency", { memory: "19456", passes: "2" });
  const connections = await sessions(server.url, 10);
  const quiet = await runLoad({ port, seconds: 5, rate: 100, connections });
  say(`refresh at 100/s, nothing else:       p50 ${quiet.p50.toFixed(1)} ms, p99 ${quiet.p99.toFixed(1)} ms`);
  const clients: LoadConnection[] = Array.from({ length: 16 }, (_, index) => ({
    kind: "post",
    path: "/v3/accounts/login",
    body: loginBody(usersCount + (index % usersCount)),
  }));
  const [logins, busy] = await Promise.all([
    runLoad({ port, seconds: 12, rate: null, connections: clients }),
    runLoad({ port, seconds: 10, rate: 100, connections: await sessions(server.url, 10) }),
  ]);
  say(
    `refresh at 100/s beside 16 login loops: p50 ${busy.p50.toFixed(1)} ms, p99 ${busy.p99.toFixed(1)} ms (goal p99 <= 10 ms; ${Math.round(logins.answers / logins.seconds)} logins/s, ${busy.failures + logins.failures} failures)`,
  );
  await server.stop();
}

await rates();
await besideLogins();
rmSync(folder, { recursive: true, force: true });
process.exit();
