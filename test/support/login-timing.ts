import { systemClock } from "../../src/lib/clock.ts";

/** One refused login: how long its answer took in ms, and the answer. */
export type TimedRefusal = { took: number; status: number; text: string; headers: Record<string, string> };

/** Bodies of logins that are refused, by kind: the nth is of an identity that no other one has, so that no lock interferes. */
export type Kinds = Record<string, (number: number) => Record<string, unknown>>;

/**
 * Sends `count` logins of each kind, one at a time, in turns whose order changes: what a machine does meanwhile hits all kinds
 * alike.
 */
export async function timeRefusals(
  url: string,
  kinds: Kinds,
  count: number,
): Promise<Map<string, TimedRefusal[]>> {
  const names = Object.keys(kinds);
  const samples = new Map(names.map((name): [string, TimedRefusal[]] => [name, []]));
  for (let number = 0; number < count; number += 1) {
    const order = names.map((_, index) => names[(index + number) % names.length] ?? "");
    for (const name of order) {
      const body = JSON.stringify(kinds[name]?.(number));
      samples.get(name)?.push(await timeOne(url, body));
    }
  }
  return samples;
}

async function timeOne(url: string, body: string): Promise<TimedRefusal> {
  const sent = systemClock.monotonic();
  const response = await fetch(`${url}/v3/accounts/login`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });
  const text = await response.text();
  const took = systemClock.monotonic() - sent;
  const { date: _, ...headers } = Object.fromEntries(response.headers);
  return { took, status: response.status, text, headers };
}

/** The different answers among these, without the time of day: as many as a stranger could tell apart by reading. */
export function differentAnswers(samples: Iterable<readonly TimedRefusal[]>): string[] {
  const answers = [...samples]
    .flat()
    .map(({ status, text, headers }) => JSON.stringify([status, text, headers]));
  return [...new Set(answers)];
}

/**
 * How well one number tells which of two kinds a sample is of: the area under the ROC curve, by ranks (Mann–Whitney). 0.5: not at
 * all; 1 or 0: always.
 */
export function areaUnderCurve(left: readonly number[], right: readonly number[]): number {
  const ranked = [
    ...left.map((value) => ({ value, isLeft: true })),
    ...right.map((value) => ({ value, isLeft: false })),
  ].sort((one, other) => one.value - other.value);
  let rightSoFar = 0;
  let pairs = 0;
  for (const { isLeft } of ranked) {
    if (isLeft) pairs += rightSoFar;
    else rightSoFar += 1;
  }
  return pairs / (left.length * right.length);
}
