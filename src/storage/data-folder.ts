import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { OperatorError } from "../lib/errors.ts";
import { type Random, randomToken } from "../lib/random.ts";
import { serverKeyBytes } from "../lib/secrets.ts";

/** The files of a data folder. */
export type DataFolder = {
  path: string;
  database: string;
  serverLock: string;
  /** Where the first run puts the first password; removed when that password is changed. */
  initialPassword: string;
};

export function dataFolder(path: string): DataFolder {
  return {
    path,
    database: join(path, "postern.db"),
    serverLock: join(path, "server.lock"),
    initialPassword: join(path, "initial-password"),
  };
}

/** Whether there is a database in the folder. */
export function hasDatabase({ database }: DataFolder): boolean {
  return existsSync(database) && statSync(database).size > 0;
}

/**
 * Makes the folder, for its owner alone. One that holds other things already, `/tmp` say, keeps its mode: it is not ours
 * to close. Throws OperatorError when that is not possible.
 */
export function makeDataFolder(folder: DataFolder): void {
  const { path } = folder;
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    if (hasDatabase(folder) || readdirSync(path).length === 0) chmodSync(path, 0o700);
  } catch (error) {
    throw new OperatorError(
      `The data folder ${path} cannot be made: ${reasonOf(error)}. Set POSTERN_DATA_DIR, for example POSTERN_DATA_DIR=/var/lib/postern.`,
    );
  }
}

/**
 * The server key. Made where neither it nor a database exists; a database without its key is refused, never given a
 * new one, with which nothing in it could be decrypted. Throws OperatorError.
 */
export function serverKey(folder: DataFolder, file: string, random: Random): Uint8Array {
  // The database is looked for first: whoever makes both at this moment makes the key before it.
  const inUse = hasDatabase(folder);
  if (!existsSync(file)) {
    if (inUse) {
      throw new OperatorError(
        `The server key ${file} is missing, and the database in ${folder.path} cannot be used without it: put the key back, or name it with POSTERN_SECRET_KEY_FILE.`,
      );
    }
    makeServerKey(file, random);
  }
  const text = readKeyFile(file);
  const key = Buffer.from(text, "base64url");
  if (!/^[A-Za-z0-9_-]+={0,2}$/.test(text) || key.length !== serverKeyBytes) {
    throw new OperatorError(
      `The server key ${file} is not ${serverKeyBytes} bytes in base64url (43 characters): put the right file there.`,
    );
  }
  return new Uint8Array(key);
}

/**
 * Written whole and synced under another name, then linked: a crash leaves no half of a key, and of two processes
 * that start at once one links, and both read the same.
 */
function makeServerKey(file: string, random: Random): void {
  const draft = `${file}.${randomToken(random, 8)}`;
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeSecretFile(draft, `${randomToken(random, serverKeyBytes)}\n`);
    linkSync(draft, file);
    syncFolder(dirname(file));
  } catch (error) {
    if (!existsSync(file))
      throw new OperatorError(`The server key ${file} cannot be written: ${reasonOf(error)}.`);
  } finally {
    if (existsSync(draft)) rmSync(draft);
  }
}

/** Writes a file that only its owner may read, through to the disk, its name in the folder included. */
export function writeSecretFile(file: string, content: string): void {
  const descriptor = openSync(file, "w", 0o600);
  try {
    writeSync(descriptor, content);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  syncFolder(dirname(file));
}

function syncFolder(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function readKeyFile(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    throw new OperatorError(`The server key ${file} cannot be read: ${reasonOf(error)}.`);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
