import { Database } from "bun:sqlite";
import { rmSync } from "node:fs";
import type { ImportCheck, LineProblem, NotedLine } from "../../features/import/store.ts";
import { mostWebhooksOfAnAccount } from "../../features/webhooks/model.ts";
import { ApiError } from "../../lib/errors.ts";
import { foldCase } from "../../lib/text.ts";
import type { ImportFinder } from "./import-finder.ts";
import type { Connection } from "./open.ts";
import { tooManyWebhooks, type WebhookTable } from "./webhooks.ts";

/** How many dangling lines are read at a time. */
const pageSize = 500;

/**
 * Makes the check of one file. What it remembers of the lines is in a file of its own: a million of them would fill
 * memory.
 */
export function importChecker(connection: Connection, finder: ImportFinder, webhooks: WebhookTable) {
  return async (accountId: string): Promise<ImportCheck> => {
    const notes = openNotes(connection.raw.filename);
    let webhooksLeft = mostWebhooksOfAnAccount - webhooks.count(accountId);

    function note(line: NotedLine): string | undefined {
      const existing = findExisting(accountId, line);
      if (existing.reason !== undefined) return existing.reason;
      const keys = keysOf(line, existing.id);
      const clash = notes.clash(line, keys);
      if (clash !== undefined) return clash;
      if (line.kind === "webhook" && existing.id === undefined) {
        if (webhooksLeft === 0) return tooManyWebhooks().message;
        webhooksLeft -= 1;
      }
      const open = line.references.filter(
        ({ kind, to }) => !finder.has(accountId, kind, to) && !notes.isSettled(kind, to),
      );
      notes.add(line, keys, open);
      return undefined;
    }

    function findExisting(account: string, line: NotedLine): { id?: string | undefined; reason?: string } {
      try {
        return { id: finder.find(account, line) };
      } catch (error) {
        if (error instanceof ApiError) return { reason: error.message };
        throw error;
      }
    }

    return {
      async note(line) {
        return note(line);
      },
      refuse: async (line) => notes.refuse(line),
      danglers: () => notes.danglers(),
      isRefused: async (line) => notes.isRefused(line),
      close: async () => notes.close(),
    };
  };
}

type Key = { key: string; byNameAlone: boolean };

/** Under what a line is remembered: its id, or that of the record it means, and its name. */
function keysOf({ kind, id, name }: NotedLine, existingId: string | undefined): Key[] {
  const known = id ?? existingId;
  const folded = kind === "user" ? foldCase(name) : name;
  // Two records with ids of their own may share a name, but not an e-mail address.
  const byNameAlone = id === null || kind === "user";
  return [
    ...(known === undefined ? [] : [{ key: idKey(known), byNameAlone: true }]),
    { key: `name ${folded}`, byNameAlone },
  ];
}

const idKey = (id: string) => `id ${id}`;

/**
 * Remembers lines in a file that is gone from its folder as soon as it is open, and from the disk when it is closed,
 * however that happens.
 */
function openNotes(databaseFile: string) {
  const file = `${databaseFile}-import-${process.pid}`;
  rmSync(file, { force: true });
  const raw = new Database(file, { create: true, strict: true });
  // OFF is refused by Bun's SQLite, and leaves a journal beside the file without a word.
  raw.run("PRAGMA journal_mode = MEMORY");
  raw.run("PRAGMA synchronous = OFF");
  raw.run("PRAGMA locking_mode = EXCLUSIVE");
  raw.run(`CREATE TABLE seen (kind TEXT, key TEXT, line INTEGER, by_name_alone INTEGER, open INTEGER,
    PRIMARY KEY (kind, key)) WITHOUT ROWID`);
  raw.run(
    `CREATE TABLE refs (line_kind TEXT, line INTEGER, own_key TEXT, kind TEXT, to_key TEXT, field TEXT, target TEXT)`,
  );
  raw.run("CREATE TABLE refused (line INTEGER PRIMARY KEY)");
  rmSync(file);
  raw.run("BEGIN");

  const find = raw.prepare<{ line: number; by_name_alone: number; open: number }, [string, string]>(
    "SELECT line, by_name_alone, open FROM seen WHERE kind = ? AND key = ?",
  );
  const insert = raw.prepare<undefined, [string, string, number, boolean, boolean]>(
    "INSERT INTO seen VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
  );
  const insertReference = raw.prepare<
    undefined,
    [string, number, string | null, string, string, string, string]
  >("INSERT INTO refs VALUES (?, ?, ?, ?, ?, ?, ?)");
  const forget = raw.prepare<undefined, [string, string]>("DELETE FROM seen WHERE kind = ? AND key = ?");
  const refuse = raw.prepare<undefined, [number]>("INSERT OR IGNORE INTO refused VALUES (?)");
  const refused = raw.prepare<{ line: number }, [number]>("SELECT line FROM refused WHERE line = ?");
  const openReferences = raw.prepare<OpenReference, [string, number, number]>(`
    SELECT rowid AS position, line, own_key, kind, to_key, field, target FROM refs
    WHERE line_kind = ? AND rowid > ? ORDER BY rowid LIMIT ?`);

  const targetKey = (kind: string, to: string) => (kind === "role" ? `name ${to}` : idKey(to));

  async function* danglers(): AsyncGenerator<LineProblem> {
    // Organizations first: a user may refer to one that is refused for the reseller it lacks.
    for (const lineKind of ["organization", "user"]) {
      let last = 0;
      for (;;) {
        const page = openReferences.all(lineKind, last, pageSize);
        for (const { position, line, own_key, kind, to_key, field, target } of page) {
          last = position;
          if (find.get(kind, to_key) !== null || refused.get(line) !== null) continue;
          refuse.run(line);
          if (own_key !== null) forget.run(lineKind, own_key);
          yield {
            line,
            reason: `${field}: neither the account nor a good line of the file has the ${kind} ${target}`,
          };
        }
        if (page.length < pageSize) break;
      }
    }
  }

  return {
    /** Why a line means the same record as one above; undefined when it does not. */
    clash({ kind }: NotedLine, keys: readonly Key[]): string | undefined {
      for (const { key, byNameAlone } of keys) {
        const seen = find.get(kind, key);
        if (seen !== null && (byNameAlone || seen.by_name_alone === 1)) {
          return `line ${seen.line} is about the same ${kind}`;
        }
      }
      return undefined;
    },
    /** Whether a line above has the record, and lacks nothing itself as far as is known. */
    isSettled: (kind: string, to: string): boolean => find.get(kind, targetKey(kind, to))?.open === 0,
    add({ line, kind, id }: NotedLine, keys: readonly Key[], open: NotedLine["references"]): void {
      for (const { key, byNameAlone } of keys) insert.run(kind, key, line, byNameAlone, open.length > 0);
      for (const reference of open) {
        const ownKey = id === null ? null : idKey(id);
        const toKey = targetKey(reference.kind, reference.to);
        insertReference.run(kind, line, ownKey, reference.kind, toKey, reference.field, reference.to);
      }
    },
    refuse: (line: number) => {
      refuse.run(line);
    },
    isRefused: (line: number): boolean => refused.get(line) !== null,
    danglers,
    close(): void {
      raw.run("COMMIT");
      raw.close();
    },
  };
}

type OpenReference = {
  position: number;
  line: number;
  own_key: string | null;
  kind: string;
  to_key: string;
  field: string;
  target: string;
};
