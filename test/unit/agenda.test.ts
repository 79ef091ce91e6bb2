import { expect, test } from "bun:test";
import { makeAgenda } from "../../src/outbox/agenda.ts";

test("webhooks come up in the order of their times, each at the time it was last given", () => {
  const agenda = makeAgenda();
  agenda.set("late", 300);
  agenda.set("early", 100);
  agenda.set("middle", 200);
  expect(agenda.nextAt()).toBe(100);
  agenda.set("early", 250);
  expect(agenda.nextAt()).toBe(200);
  expect(agenda.takeDue(199)).toEqual([]);
  expect(agenda.takeDue(250)).toEqual(["middle", "early"]);
  expect(agenda.takeDue(1_000)).toEqual(["late"]);
  expect(agenda.nextAt()).toBeUndefined();
});

test("a webhook that was deleted, or given an earlier time and then its own again, comes up once at most", () => {
  const agenda = makeAgenda();
  agenda.set("deleted", 1);
  agenda.delete("deleted");
  agenda.set("moved", 5);
  agenda.set("moved", 3);
  agenda.set("moved", 5);
  expect(agenda.takeDue(10)).toEqual(["moved"]);
  agenda.set("cleared", 1);
  agenda.clear();
  expect(agenda.nextAt()).toBeUndefined();
});

test("ten thousand webhooks that are entered again and again come up in order, without what they had before", () => {
  const agenda = makeAgenda();
  const times = new Map<string, number>();
  let state = 1;
  const pseudoRandom = () => {
    state = (state * 48_271) % 2_147_483_647;
    return state;
  };
  for (let index = 0; index < 100_000; index += 1) {
    const webhookId = `webhook-${pseudoRandom() % 10_000}`;
    const at = pseudoRandom() % 1_000_000;
    times.set(webhookId, at);
    agenda.set(webhookId, at);
  }
  const order = agenda.takeDue(1_000_000).map((webhookId) => times.get(webhookId) ?? -1);
  expect(order).toEqual([...times.values()].sort((left, right) => left - right));
});
