import type { Random } from "./random.ts";

/** Ids that callers bring (`--id`, `import`): 1 to 36 letters, digits and dashes, so that a UUID fits. */
export const idPattern = /^[A-Za-z0-9-]{1,36}$/;

/** An id of a record that Postern makes: a UUIDv7. */
export function newId(random: Random, now: number): string {
  return random.uuid(now);
}

/** An id of an event. The prefix tells it from record ids in a receiver's log; the rest sorts by time. */
export function newEventId(random: Random, now: number): string {
  return `evt_${random.uuid(now).replaceAll("-", "")}`;
}
