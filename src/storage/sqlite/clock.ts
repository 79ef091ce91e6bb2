import { sql } from "drizzle-orm";
import type { ClockStore } from "../../features/two-factor/clock-watch.ts";
import type { Connection } from "./open.ts";
import { auditLog, server } from "./schema.ts";

/** The answer to the question of `features/two-factor/clock-watch.ts`. */
export function clockStore({ db, write }: Connection): ClockStore {
  return {
    noteTime: (now) =>
      write(() => {
        const noted = db.select({ highest: server.highestTime }).from(server).get()?.highest ?? now;
        // After a crash the last note may be an hour old; whatever spent a code since then has written an entry.
        const entry = db.select({ at: auditLog.at }).from(auditLog).orderBy(sql`rowid DESC`).limit(1).get();
        const before = Math.max(noted, entry?.at ?? 0);
        db.update(server)
          .set({ highestTime: Math.max(before, now) })
          .run();
        return before;
      }),
  };
}
