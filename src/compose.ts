import { readFileSync } from "node:fs";
import { makeApp } from "./app.ts";
import { type Config, publicUrlOf } from "./config/config.ts";
import { firstRun } from "./features/accounts/first-run.ts";
import { makeIdentityGate } from "./features/login/identity-gate.ts";
import type { LoginDeps } from "./features/login/login.ts";
import { makeRehasher } from "./features/login/rehash.ts";
import { generateSigningKey, loadSigningKeys, type SigningKeys } from "./features/sessions/signing-keys.ts";
import type { TokenDeps } from "./features/sessions/tokens.ts";
import { requestServer } from "./http/serve-request.ts";
import { type Clock, systemClock, within } from "./lib/clock.ts";
import { OperatorError } from "./lib/errors.ts";
import { type HashingQueue, makeHashingQueue } from "./lib/hashing-queue.ts";
import type { Log } from "./lib/log.ts";
import { makePasswordVerifier } from "./lib/passwords.ts";
import { type Random, randomToken, systemRandom } from "./lib/random.ts";
import { makeSecrets, type Secrets } from "./lib/secrets.ts";
import { version } from "./lib/version.ts";
import { makeDrain } from "./outbox/drain.ts";
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
   * Stops accepting, finishes what is in flight within 8 s, puts claims back, closes the database and lets go of the folder.
   */
  stop(): Promise<void>;
};

/** How long requests and deliveries in flight may take once the server was told to stop, in ms. */
const stopPatienceMs = 8_000;

/** Silent, partial and dripping clients are cut after about this long. A login waits for 5 s at most. */
const idleTimeoutSeconds = 10;

/** Bodies are bounded by the application, which answers with the contract's body; Bun's own 413 has none. */
const bunBodyBound = Number.MAX_SAFE_INTEGER;

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

async function serve(services: Services, log: Log, releaseLock: () => void): Promise<RunningServer> {
  const { config, folder, storage, clock, random } = services;
  await makeFirstAccount(services);
  const queue = makeHashingQueue({ clock, concurrency: config.hash.concurrency, bound: config.hash.queue });
  const login = await loginDeps(services, queue, log);
  const rehasher = makeRehasher({ store: storage.login, queue, parameters: config.hash, log });
  const keys = await signingKeys(services);
  const drain = makeDrain({ store: storage.outbox, clock, random, log, config });
  let stopping = false;
  // Tokens name the port as part of the issuer, and the port is known once it is taken: until then requests wait.
  const ready = Promise.withResolvers<ReturnType<typeof requestServer>>();
  const server = listen(config, async (request, peer) => (await ready.promise)(request, peer));
  const issuer = publicUrlOf(config, server.port ?? config.listen.port);
  const app = makeApp({
    login,
    rehasher,
    tokens: tokenDeps(services, keys, issuer),
    users: storage.users,
    health: { checkDatabase: storage.check, stopping: () => stopping },
    corsOrigins: config.corsOrigins,
    swagger: config.swagger ? { publicUrl: issuer, version } : null,
  });
  ready.resolve(
    requestServer({ handle: app.handle, log, clock, random, trustedProxies: config.trustedProxies }),
  );
  storage.onDeliveries((webhookIds) => drain.wake(webhookIds));
  storage.onForeignCommit(() => drain.wake());
  await drain.start();
  return {
    url: server.url.origin,
    folder,
    async stop() {
      stopping = true;
      await Promise.all([
        within(clock, stopPatienceMs, Promise.all([server.stop(), rehasher.settled()])),
        drain.stop(stopPatienceMs),
      ]);
      await server.stop(true);
      await services.close();
      releaseLock();
    },
  };
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
  const { accessTokenTtl, refreshGrace, refreshTokenIdle } = config;
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
  };
}

async function signingKeys({ storage, secrets, clock }: Services): Promise<SigningKeys> {
  const now = clock.now();
  if ((await storage.sessions.listSigningKeys()).length === 0) {
    await storage.sessions.addFirstSigningKey(await generateSigningKey(secrets, now, now));
  }
  return loadSigningKeys(storage.sessions, secrets);
}

function listen(
  { listen: { host, port }, tls }: Config,
  answer: (request: Request, peer: string | null) => Promise<Response>,
) {
  try {
    return Bun.serve({
      hostname: host,
      port,
      idleTimeout: idleTimeoutSeconds,
      maxRequestBodySize: bunBodyBound,
      ...(tls !== undefined && {
        tls: {
          cert: readPem("POSTERN_TLS_CERT", tls.certFile),
          key: readPem("POSTERN_TLS_KEY", tls.keyFile),
        },
      }),
      fetch: (request, server) => answer(request, server.requestIP(request)?.address ?? null),
    });
  } catch (error) {
    if (error instanceof OperatorError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new OperatorError(
      `POSTERN_LISTEN: the server cannot listen on ${host}:${port} (${reason}). Name a free address, for example POSTERN_LISTEN=127.0.0.1:8081.`,
    );
  }
}

function readPem(setting: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new OperatorError(
      `${setting}: ${file} cannot be read (${reason}). Name a PEM file, for example ${setting}=/etc/postern/tls.pem.`,
    );
  }
}
