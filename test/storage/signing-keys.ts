import { expect, test } from "bun:test";
import type { StoredSigningKey } from "../../src/features/sessions/store.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { now, type OpenStorage } from "./contract.ts";

const minute = 60_000;

export function signingKeysContract(open: OpenStorage): void {
  test("begin with one, though two processes add theirs at once", async () => {
    await using database = await open();
    const other = await database.connectAgain();
    expect(await database.storage.sessions.listSigningKeys()).toEqual([]);
    await Promise.all([
      database.storage.sessions.addFirstSigningKey(keyOf("one")),
      other.sessions.addFirstSigningKey(keyOf("two")),
    ]);
    const kept = await database.storage.sessions.listSigningKeys();
    expect(kept).toHaveLength(1);
    expect(kept).toEqual([keyOf(kept[0]?.id ?? "")]);
    await other.sessions.addFirstSigningKey(keyOf("three"));
    expect(await other.sessions.listSigningKeys()).toEqual(kept);
  });

  test("stay published after a rotation until the last token that they signed has expired", async () => {
    await using database = await open();
    const { sessions } = database.storage;
    await sessions.addFirstSigningKey(keyOf("one"));
    await sessions.noteTokenTtl(60 * minute, now);
    await sessions.noteTokenTtl(15 * minute, now);
    const signsFrom = now + 10 * minute;
    await rotateTo(database.storage, keyOf("two", signsFrom));
    expect(await ends(database.storage)).toEqual([
      ["one", signsFrom + 60 * minute + minute],
      ["two", null],
    ]);
    // The new key's tokens live as long as the old one's did, until a server says otherwise.
    await rotateTo(database.storage, keyOf("three", signsFrom + minute));
    expect(await ends(database.storage)).toEqual([
      ["one", signsFrom + 60 * minute + minute],
      ["two", signsFrom + minute + 60 * minute + minute],
      ["three", null],
    ]);
  });

  test("are withdrawn at once where a rotation says so, and one that ended before keeps its end", async () => {
    await using database = await open();
    const { storage } = database;
    await storage.sessions.addFirstSigningKey(keyOf("one"));
    await rotateTo(storage, keyOf("two"), { withdrawOthers: true });
    await rotateTo(storage, keyOf("three"), { withdrawOthers: true, now: now + minute });
    expect(await ends(storage)).toEqual([
      ["one", now],
      ["two", now + minute],
      ["three", null],
    ]);
  });
}

function keyOf(id: string, signsFrom = now): StoredSigningKey {
  return {
    id,
    publicKey: `{"kid":"${id}"}`,
    privateKey: Buffer.from([0, 255, 1, 254]),
    createdAt: now,
    signsFrom,
    publishedUntil: null,
    longestTokenTtl: 0,
  };
}

function rotateTo(storage: Storage, key: StoredSigningKey, given = {}): Promise<void> {
  return storage.sessions.rotateSigningKeys({
    key,
    now,
    withdrawOthers: false,
    publishedBeyond: minute,
    ...given,
  });
}

async function ends(storage: Storage) {
  return (await storage.sessions.listSigningKeys()).map(({ id, publishedUntil }) => [id, publishedUntil]);
}
