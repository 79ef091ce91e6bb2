import { expect, test } from "bun:test";
import { systemClock } from "../../src/lib/clock.ts";
import { makeHashingQueue } from "../../src/lib/hashing-queue.ts";

test("no more hashes run at a time than the queue allows, and they run in the order in which they came", async () => {
  const queue = makeHashingQueue({ clock: systemClock, concurrency: 2, bound: 100 });
  const order: number[] = [];
  let running = 0;
  let most = 0;
  await Promise.all(
    Array.from({ length: 20 }, async (_, index) => {
      const admission = queue.admit();
      await admission.run(async () => {
        running += 1;
        most = Math.max(most, running);
        order.push(index);
        await new Promise((resolve) => setImmediate(resolve));
        running -= 1;
      });
      admission.leave();
    }),
  );
  expect(most).toBe(2);
  expect(order).toEqual(Array.from({ length: 20 }, (_, index) => index));
  expect(queue.load()).toMatchObject({ running: 0, waiting: 0 });
});
