import { expect, test } from "bun:test";
import { makeHashingQueue } from "../../src/lib/hashing-queue.ts";
import { fakeClock } from "../support/fake-clock.ts";

/** A queue of one hash at a time, and requests in it whose hashes end when the test says. */
function queueWithRequests(count: number) {
  const clock = fakeClock();
  const queue = makeHashingQueue({ clock, concurrency: 1, bound: 100 });
  const wentOn: number[] = [];
  const hashes = Array.from({ length: count }, () => Promise.withResolvers<void>());
  for (const [number, { promise }] of hashes.entries()) {
    void queue
      .admit()
      .run(() => promise)
      .then(() => wentOn.push(number));
  }
  return { clock, wentOn, finish: (number: number) => hashes[number]?.resolve() };
}

test("a request goes on as soon as its hash is done where nobody waits for a turn", async () => {
  const { clock, wentOn, finish } = queueWithRequests(1);
  finish(0);
  await clock.advance(0);
  expect(wentOn).toEqual([0]);
  expect(clock.pending()).toBe(1);
});

test("while others wait, those whose hashes are done go on together, 50 ms after the first at the latest", async () => {
  const { clock, wentOn, finish } = queueWithRequests(4);
  finish(0);
  await clock.advance(30);
  finish(1);
  await clock.advance(19);
  expect(wentOn).toEqual([]);
  await clock.advance(1);
  expect(wentOn).toEqual([0, 1]);
});

test("they go on at once when nobody waits for a turn any more", async () => {
  const { clock, wentOn, finish } = queueWithRequests(4);
  finish(0);
  finish(1);
  await clock.advance(10);
  expect(wentOn).toEqual([]);
  finish(2);
  await clock.advance(0);
  expect(wentOn.toSorted()).toEqual([0, 1, 2]);
});
