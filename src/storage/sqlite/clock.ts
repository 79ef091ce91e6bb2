import { sql } from "drizzle-orm";
import type { ClockStore } from "../../features/two-factor/clock-watch.ts";
import type { Connection } from "./open.ts";
import { server } from "./schema.ts";

/** The answer to the question of `features/two-factor/clock-watch.ts`. */
export function clockStore({ db, write }: Connection): ClockStore {
  return {
    noteTime: (now) =>
      write(() => {
        const before = db.select({ highest: server.highestTime }).from(server).get()?.highest ?? now;
        db.update(server)
          .set({ highestTime: sql`max(${server.highestTime}, ${now})` })
          .run();
        return before;
      }),
  };
}
