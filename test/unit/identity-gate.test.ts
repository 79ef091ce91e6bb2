import { describe, expect, test } from "bun:test";
import { makeIdentityGate, type Place } from "../../src/features/login/identity-gate.ts";
import { afterFailure, type FailureRecord, noFailures } from "../../src/features/login/lockout.ts";

const alice = new Uint8Array([1]);
const bob = new Uint8Array([2]);

/** A gate over failures that the test keeps. */
function gateOver(records = new Map<Uint8Array, FailureRecord>()) {
  let reads = 0;
  const gate = makeIdentityGate(
    async (identity) => {
      reads += 1;
      return records.get(identity) ?? noFailures;
    },
    () => 0,
  );
  const fail = (identity: Uint8Array) =>
    records.set(identity, afterFailure(records.get(identity) ?? noFailures, "password", 0));
  return { gate, fail, reads: () => reads };
}

/** How far places have come once everything that can happen has happened. */
async function standing(places: readonly Place[]): Promise<string[]> {
  const states = places.map(() => "waiting");
  places.forEach((place, index) => {
    void place.entry.then(
      ({ kind }) => {
        states[index] = kind;
      },
      () => {
        states[index] = "refused";
      },
    );
  });
  await new Promise((resolve) => setImmediate(resolve));
  return states;
}

const count = (states: readonly string[], state: string) => states.filter((other) => other === state).length;

describe("tries of one identity at once", () => {
  test("run five at a time, and the others wait in the order in which they came", async () => {
    const { gate } = gateOver();
    const places = Array.from({ length: 8 }, () => gate.enter(alice));
    expect(await standing(places)).toEqual([...Array(5).fill("admitted"), ...Array(3).fill("waiting")]);
    places[2]?.leave();
    expect(await standing(places)).toEqual([...Array(6).fill("admitted"), ...Array(2).fill("waiting")]);
  });

  test("that are right let all the others have their turn", async () => {
    const { gate } = gateOver();
    const places = Array.from({ length: 50 }, () => gate.enter(alice));
    for (let round = 0; round < 50; round += 1) {
      expect(count(await standing(places), "admitted")).toBe(Math.min(round + 5, 50));
      places[round]?.leave();
    }
  });

  test("that are wrong shut the others out after five", async () => {
    const { gate, fail } = gateOver();
    const places = Array.from({ length: 50 }, () => gate.enter(alice));
    for (const place of places.slice(0, 5)) {
      await place.entry;
      fail(alice);
      place.leave();
    }
    expect(await standing(places)).toEqual([...Array(5).fill("admitted"), ...Array(45).fill("locked")]);
  });

  test("run no more at a time than tries remain", async () => {
    const { gate, fail } = gateOver();
    for (let failure = 0; failure < 3; failure += 1) fail(alice);
    expect(count(await standing(Array.from({ length: 8 }, () => gate.enter(alice))), "admitted")).toBe(2);
  });

  test("do not hold up those of another identity", async () => {
    const { gate } = gateOver();
    for (let place = 0; place < 8; place += 1) gate.enter(alice);
    expect(await standing([gate.enter(bob)])).toEqual(["admitted"]);
  });

  test("make room when one gives up waiting", async () => {
    const { gate } = gateOver();
    const places = Array.from({ length: 7 }, () => gate.enter(alice));
    await standing(places);
    places[5]?.leave();
    places[0]?.leave();
    const states = await standing(places);
    expect(states[6]).toBe("admitted");
    expect(states[5]).toBe("waiting");
  });

  test("count a failure that is recorded while the failures are being read", async () => {
    const records = new Map<Uint8Array, FailureRecord>();
    const slow = Promise.withResolvers<void>();
    let reads = 0;
    const gate = makeIdentityGate(
      async (identity) => {
        const record = records.get(identity) ?? noFailures;
        reads += 1;
        if (reads === 2) await slow.promise;
        return record;
      },
      () => 0,
    );
    const first = gate.enter(alice);
    await first.entry;
    const others = Array.from({ length: 5 }, () => gate.enter(alice));
    await standing(others);
    // The second reading is under way, and knows nothing of this failure yet.
    records.set(alice, afterFailure(noFailures, "password", 0));
    first.leave();
    slow.resolve();
    expect(count(await standing(others), "admitted")).toBe(4);
  });

  test("are all refused when the failures cannot be read", async () => {
    const gate = makeIdentityGate(
      () => Promise.reject(new Error("the disk is gone")),
      () => 0,
    );
    expect(await standing([gate.enter(alice), gate.enter(alice)])).toEqual(["refused", "refused"]);
  });
});

test("failures are read once for tries that arrive together", async () => {
  const { gate, reads } = gateOver();
  await standing(Array.from({ length: 5 }, () => gate.enter(alice)));
  expect(reads()).toBe(1);
});
