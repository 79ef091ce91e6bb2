import { rmSync } from "node:fs";
import { makeApp } from "./app.ts";
import { type Config, publicUrlOf } from "./config/config.ts";
import { firstAccountAlias, firstRun, isFirstUser } from "./features/accounts/first-run.ts";
import { makeIdentityGate } from "./features/login/identity-gate.ts";
import type { LoginDeps } from "./features/login/login.ts";
import { makeRehasher, type Rehasher } from "./features/login/rehash.ts";
import { followKeys } from "./features/sessions/follow-keys.ts";
import { generateSigningKey, loadSigningKeys, type SigningKeys } from "./features/sessions/signing-keys.ts";
import type { TokenDeps } from "./features/sessions/tokens.ts";
import { type ClockWatch, makeClockWatch } from "./features/two-factor/clock-watch.ts";
import type { User } from "./features/users/model.ts";
import { requestServer } from "./http/serve-request.ts";
import { type Clock, systemClock, within } from "./lib/clock.ts";
import { OperatorError } from "./lib/errors.ts";
import { type HashingQueue, makeHashingQueue } from "./lib/hashing-queue.ts";
import type { Log } from "./lib/log.ts";
import { makePasswordVerifier } from "./lib/passwords.ts";
import { type Random, randomToken, systemRandom } from "./lib/random.ts";
import { makeSecrets, type Secrets } from "./lib/secrets.ts";
import { version } from "./lib/version.ts";
import { listen } from "./ops/listen.ts";
import { type Metrics, makeMetrics } from "./ops/metrics.ts";
import { serveMetrics } from "./ops/serve-metrics.ts";
import { type Drain, makeDrain } from "./outbox/drain.ts";
import { makeRetention, type Retention } from "./outbox/retention.ts";
import {
  type DataFolder,
  dataFolder,
  hasDatabase,
  makeDataFolder,
  serverKey,
  writeSecretFile,
} from "./storage/data-folder.ts";
import { isServerRunning, takeServerLock } from "./storage/sqlite/server-lock.ts";
import { openSqliteStorage } from "./storage/sqlite/storage.ts";
import type { Storage } from "./storage/storage.ts";

/** The real things that a command or the server works with. */
export type Services = {
  config: Config;
  folder: DataFolder;
  storage: Storage;
  secrets: Secrets;
  clock: Clock;
  random: Random;
  close(): Promise<void>;
};

/** What a test may put in the place of the system's own. */
export type Sources = { clock?: Clock; random?: Random };

/**
 * Opens the data folder for a command. `create` makes an empty folder usable first: the key, then the database. Throws
 * OperatorError where there is nothing to open, or a server of an older version has it open.
 */
export async function openForCommand(
  config: Config,
  { create, ...sources }: Sources & { create: boolean },
): Promise<Services> {
  const folder = dataFolder(config.dataDir);
  if (!create && !hasDatabase(folder)) {
    throw new OperatorError(
      `There is no database in ${folder.path}: name the data folder with --data-dir or POSTERN_DATA_DIR, or start the server once to make it.`,
    );
  }
  return openServices(config, "command", sources);
}

async function openServices(
  config: Config,
  role: "server" | "command",
  { clock = systemClock, random = systemRandom }: Sources,
): Promise<Services> {
  const folder = dataFolder(config.dataDir);
  makeDataFolder(folder);
  const secrets = makeSecrets(serverKey(folder, config.secretKeyFile, random), random);
  const storage = await openSqliteStorage({
    file: folder.database,
    clock,
    random,
    secrets,
    role,
    mayMigrate: () => role === "server" || !isServerRunning(folder.serverLock),
  });
  return { config, folder, storage, secrets, clock, random, close: () => storage.close() };
}

export type RunningServer = {
  /** Where it answers on this machine: scheme, host and the port that was taken. */
  url: string;
  folder: DataFolder;
  /**
   * Stops accepting, finishes what is in flight within 8 s, puts claims back, closes the database and lets go of the
   * folder.
   */
  stop(): Promise<void>;
};

/** How long requests and deliveries in flight may take once the server was told to stop, in ms. */
const stopPatienceMs = 8_000;

/** Starts the server. Throws OperatorError when folder, key, database, certificate or port do not let it. */
export async function startServer(
  config: Config,
  { log, ...sources }: Sources & { log: Log },
): Promise<RunningServer> {
  const folder = dataFolder(config.dataDir);
  makeDataFolder(folder);
  const lock = await takeServerLock(folder.serverLock, sources.clock ?? systemClock);
  try {
    const services = await openServices(config, "server", sources);
    try {
      return await serve(services, log, lock.release);
    } catch (error) {
      await services.close();
      throw error;
    }
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** What works inside a running server, wired up. */
type Engine = {
  login: LoginDeps;
  rehasher: Rehasher;
  keys: SigningKeys;
  metrics: Metrics;
  drain: Drain;
  retention: Retention;
  clockWatch: ClockWatch;
};

async function serve(services: Services, log: Log, releaseLock: () => void): Promise<RunningServer> {
  const { config, folder, storage, clock, random } = services;
  await makeFirstAccount(services);
  const engine = await makeEngine(services, log);
  const { clockWatch, drain, metrics, rehasher, retention } = engine;
  const state = { stopping: false };
  // Tokens name the port as part of the issuer, and the port is known once it is taken: until then requests wait.
  const ready = Promise.withResolvers<ReturnType<typeof requestServer>>();
  const server = listen({
    setting: "POSTERN_LISTEN",
    address: config.listen,
    tls: config.tls,
    answer: async (request, peer) => (await ready.promise)(request, peer),
  });
  const metricsServer = serveMetrics(config.metricsListen, metrics);
  const app = application(services, engine, publicUrlOf(config, server.port ?? config.listen.port), state);
  const { trustedProxies } = config;
  ready.resolve(
    requestServer({ handle: app.handle, log, clock, random, trustedProxies, observe: metrics.answered }),
  );
  storage.onDeliveries((webhookIds) => drain.wake(webhookIds));
  storage.onForeignCommit(() => drain.wake());
  await followKeys(engine.keys, { ...storage, clock, log });
  await drain.start();
  retention.start();
  await clockWatch.start();
  return {
    url: server.url.origin,
    folder,
    async stop() {
      state.stopping = true;
      await Promise.all([
        within(clock, stopPatienceMs, Promise.all([server.stop(), rehasher.settled()])),
        drain.stop(stopPatienceMs),
        retention.stop(),
        clockWatch.stop(),
      ]);
      await Promise.all([server.stop(true), metricsServer?.stop(true)]);
      await services.close();
      releaseLock();
    },
  };
}

async function makeEngine(services: Services, log: Log): Promise<Engine> {
  const { config, storage, clock, random } = services;
  const queue = makeHashingQueue({ clock, concurrency: config.hash.concurrency, bound: config.hash.queue });
  const metrics = makeMetrics({ hashingQueue: queue.load, deliveriesByState: storage.outbox.countByState });
  return {
    login: await loginDeps(services, queue, log),
    rehasher: makeRehasher({ store: storage.login, queue, parameters: config.hash, log }),
    keys: await signingKeys(services),
    metrics,
    drain: makeDrain({
      store: storage.outbox,
      clock,
      random,
      log,
      config,
      observe: metrics.attempted,
      observeHealth: metrics.healthChanged,
    }),
    retention: makeRetention({ store: storage.retention, clock, log, config }),
    clockWatch: makeClockWatch({ store: storage.clock, clock, log }),
  };
}

function application(services: Services, engine: Engine, issuer: string, state: { stopping: boolean }) {
  const { config, storage, clock, random } = services;
  const { hash, passwordMinLength } = config;
  return makeApp({
    login: engine.login,
    rehasher: engine.rehasher,
    observeLogin: engine.metrics.loginEnded,
    tokens: tokenDeps(services, engine.keys, issuer),
    users: storage.users,
    accounts: storage.accounts,
    accessTokens: storage.accessTokens,
    profile: {
      users: { store: storage.users, clock, random, hash, passwordMinLength },
      store: storage.enrolment,
      attempts: engine.login,
      // The password is changed by then: what goes wrong here must not be told as if it were not.
      passwordChanged: (user) =>
        forgetInitialPassword(services, user).catch((error: unknown) =>
          engine.login.log.error("the initial password cannot be removed", { error: String(error) }),
        ),
    },
    health: {
      checkDatabase: storage.check,
      stopping: () => state.stopping,
      warnings: () => [engine.clockWatch.warning()].filter((warning) => warning !== undefined),
    },
    corsOrigins: config.corsOrigins,
    swagger: config.swagger ? { publicUrl: issuer, version } : null,
  });
}

async function makeFirstAccount({ config, folder, storage, clock, random }: Services): Promise<void> {
  await firstRun({
    accounts: storage.accounts,
    clock,
    random,
    hashParameters: config.hash,
    keepPassword: (password) => writeSecretFile(folder.initialPassword, `${password}\n`),
  });
}

async function loginDeps(
  { config, storage, secrets, clock, random }: Services,
  queue: HashingQueue,
  log: Log,
): Promise<LoginDeps> {
  // Making the decoy's hash is the first measurement of how long one takes here: it bounds the queue from the start.
  const begun = clock.monotonic();
  const verifier = await makePasswordVerifier(config.hash, randomToken(random));
  queue.expect(clock.monotonic() - begun);
  const gate = makeIdentityGate(storage.login.readFailures, clock.now);
  return {
    store: storage.login,
    secrets,
    clock,
    random,
    queue,
    verifier,
    gate,
    log,
    sessionTtl: config.sessionTtl,
  };
}

function tokenDeps(
  { config, storage, secrets, clock, random }: Services,
  keys: SigningKeys,
  issuer: string,
): TokenDeps {
  const { accessTokenTtl, refreshGrace, refreshTokenIdle, keyPublishAhead } = config;
  return {
    store: storage.sessions,
    keys,
    secrets,
    clock,
    random,
    issuer,
    accessTokenTtl,
    refreshGrace,
    refreshTokenIdle,
    keyPublishAhead,
  };
}

async function signingKeys({ config, storage, secrets, clock }: Services): Promise<SigningKeys> {
  const now = clock.now();
  if ((await storage.sessions.listSigningKeys()).length === 0) {
    await storage.sessions.addFirstSigningKey(await generateSigningKey(secrets, now, now));
  }
  await storage.sessions.noteTokenTtl(config.accessTokenTtl, now);
  return loadSigningKeys(storage.sessions, secrets);
}

/** Once the first user's password is changed, the file that the first run left is no longer true. */
async function forgetInitialPassword({ folder, storage }: Services, user: User): Promise<void> {
  const first = await storage.accounts.findAccount(firstAccountAlias);
  if (first !== undefined && isFirstUser(first, user)) rmSync(folder.initialPassword, { force: true });
}
