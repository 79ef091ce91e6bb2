import { describe, expect, test } from "bun:test";
import { systemClock } from "../../src/lib/clock.ts";
import { ApiError } from "../../src/lib/errors.ts";
import { type HashingQueueOptions, makeHashingQueue, RequestGone } from "../../src/lib/hashing-queue.ts";
import { fakeClock } from "../support/fake-clock.ts";
import { refusalOf } from "../support/refusal.ts";

const queueOf = (options: Partial<HashingQueueOptions>) =>
  makeHashingQueue({ clock: systemClock, concurrency: 2, bound: 100, ...options });

const turnOfTheLoop = () => new Promise((resolve) => setImmediate(resolve));

/** What `admit` refused a request with. */
function admissionRefusal(admit: () => unknown): ApiError | undefined {
  try {
    admit();
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  return undefined;
}

test("no more hashes run at a time than the queue allows, and they run in the order in which they came", async () => {
  const queue = queueOf({});
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
        await turnOfTheLoop();
        running -= 1;
      });
      admission.leave();
    }),
  );
  expect(most).toBe(2);
  expect(order).toEqual(Array.from({ length: 20 }, (_, index) => index));
  expect(queue.load()).toMatchObject({ running: 0, waiting: 0 });
});

test("a hash that fails gives its place back", async () => {
  const queue = queueOf({ concurrency: 1 });
  const admission = queue.admit();
  expect(await refusalOf(admission.run(() => Promise.reject(new Error("no memory"))))).toEqual(
    new Error("no memory"),
  );
  admission.leave();
  expect(await queue.admit().run(async () => "next")).toBe("next");
});

describe("a queue that is full", () => {
  test("refuses the next at once with SERVER_BUSY, and takes one again when there is room", async () => {
    const queue = queueOf({ bound: 3 });
    const places = [queue.admit(), queue.admit(), queue.admit()];
    expect(admissionRefusal(() => queue.admit())?.code).toBe("SERVER_BUSY");
    places[0]?.leave();
    expect(admissionRefusal(() => queue.admit())).toBeUndefined();
    expect(admissionRefusal(() => queue.admit())?.code).toBe("SERVER_BUSY");
  });

  test("does not count those that run among those that wait", async () => {
    const queue = queueOf({ bound: 1, concurrency: 2 });
    const work = Promise.withResolvers<void>();
    for (let place = 0; place < 2; place += 1) void queue.admit().run(() => work.promise);
    expect(queue.load()).toEqual({ running: 2, waiting: 0, bound: 1 });
    expect(admissionRefusal(() => queue.admit())).toBeUndefined();
    expect(admissionRefusal(() => queue.admit())?.code).toBe("SERVER_BUSY");
    work.resolve();
  });

  test("says when to come back, by how long hashes take", () => {
    const queue = queueOf({ concurrency: 2, bound: 8 });
    queue.expect(1_000);
    for (let place = 0; place < 8; place += 1) queue.admit();
    expect(admissionRefusal(() => queue.admit())?.details.retryAfterSeconds).toBe(4);
  });

  test.each([
    [1_000, 2, 10],
    [10, 2, 1_000],
    [60_000, 2, 2],
  ])("holds 5 s worth of hashes: of %i ms each, %i at a time, %i", (duration, concurrency, bound) => {
    const queue = queueOf({ bound: undefined, concurrency });
    queue.expect(duration);
    expect(queue.load().bound).toBe(bound);
  });
});

describe("a request that waits", () => {
  test("is refused with SERVER_BUSY after 5 s, and not before", async () => {
    const clock = fakeClock();
    const queue = queueOf({ clock, concurrency: 1 });
    const work = Promise.withResolvers<void>();
    const first = queue.admit().run(() => work.promise);
    let outcome: unknown;
    void refusalOf(queue.admit().run(async () => {})).then((error) => {
      outcome = error;
    });
    await clock.advance(4_999);
    expect(outcome).toBeUndefined();
    await clock.advance(1);
    expect(outcome).toMatchObject({ code: "SERVER_BUSY" });
    work.resolve();
    await first;
  });

  test("leaves when its client hangs up, and those behind it move up", async () => {
    const queue = queueOf({ concurrency: 1 });
    const work = Promise.withResolvers<void>();
    const first = queue.admit();
    const running = first.run(() => work.promise);
    const client = new AbortController();
    const gone = queue.admit(client.signal);
    let hashed = false;
    const abandoned = refusalOf(
      gone.run(async () => {
        hashed = true;
      }),
    );
    const last = queue.admit();
    const served = last.run(async () => "served");
    client.abort();
    expect(await abandoned).toBeInstanceOf(RequestGone);
    gone.leave();
    work.resolve();
    await running;
    expect(await served).toBe("served");
    expect(hashed).toBe(false);
  });

  test("does not even begin when its client is gone already", async () => {
    const queue = queueOf({});
    let hashed = false;
    const admission = queue.admit(AbortSignal.abort());
    const error = await refusalOf(
      admission.run(async () => {
        hashed = true;
      }),
    );
    expect(error).toBeInstanceOf(RequestGone);
    admission.leave();
    await turnOfTheLoop();
    expect(hashed).toBe(false);
    expect(queue.load()).toMatchObject({ running: 0, waiting: 0 });
  });

  test("for something else before its hash is bound by the same 5 s", async () => {
    const clock = fakeClock();
    const admission = queueOf({ clock }).admit();
    let outcome: unknown;
    void refusalOf(admission.guard(new Promise(() => {}))).then((error) => {
      outcome = error;
    });
    await clock.advance(5_000);
    expect(outcome).toMatchObject({ code: "SERVER_BUSY" });
  });

  test("leaves no timer behind", () => {
    const clock = fakeClock();
    queueOf({ clock }).admit().leave();
    expect(clock.pending()).toBe(0);
  });
});
