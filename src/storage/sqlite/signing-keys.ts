import { eq, gt, isNull, ne, or, sql } from "drizzle-orm";
import type { SessionStore, StoredSigningKey } from "../../features/sessions/store.ts";
import type { Connection } from "./open.ts";
import { signingKeys } from "./schema.ts";

type SigningKeyAnswers = Pick<
  SessionStore,
  "listSigningKeys" | "addFirstSigningKey" | "rotateSigningKeys" | "noteTokenTtl"
>;

/** The answers of `features/sessions/store.ts` that are about signing keys. */
export function signingKeyAnswers({ db, write }: Connection): SigningKeyAnswers {
  const insert = (key: StoredSigningKey) =>
    db
      .insert(signingKeys)
      .values({ ...key, privateKey: Buffer.from(key.privateKey) })
      .run();

  return {
    // By the row: a clock that was set back gives a later key an earlier time.
    listSigningKeys: async () => db.select().from(signingKeys).orderBy(sql`rowid`).all(),
    addFirstSigningKey: (key) =>
      write(() => {
        if (db.select({ id: signingKeys.id }).from(signingKeys).limit(1).get() === undefined) insert(key);
      }),
    rotateSigningKeys: ({ key, now, withdrawOthers, publishedBeyond }) =>
      write(() => {
        const current = db.select().from(signingKeys).where(isNull(signingKeys.publishedUntil)).all();
        // The new one's tokens live as long as the old one's, until a server says otherwise.
        insert({
          ...key,
          longestTokenTtl: Math.max(0, ...current.map(({ longestTokenTtl }) => longestTokenTtl)),
        });
        if (withdrawOthers) {
          db.update(signingKeys)
            .set({ publishedUntil: sql`min(ifnull(${signingKeys.publishedUntil}, ${now}), ${now})` })
            .where(ne(signingKeys.id, key.id))
            .run();
          return;
        }
        for (const { id, longestTokenTtl } of current) {
          db.update(signingKeys)
            .set({ publishedUntil: key.signsFrom + longestTokenTtl + publishedBeyond })
            .where(eq(signingKeys.id, id))
            .run();
        }
      }),
    noteTokenTtl: (ttl, now) =>
      write(() => {
        const { longestTokenTtl, publishedUntil } = signingKeys;
        db.update(signingKeys)
          .set({
            longestTokenTtl: sql`max(${longestTokenTtl}, ${ttl})`,
            publishedUntil: sql`${publishedUntil} + max(0, ${ttl} - ${longestTokenTtl})`,
          })
          .where(or(isNull(publishedUntil), gt(publishedUntil, now)))
          .run();
      }),
  };
}
