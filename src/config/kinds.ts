import Type from "typebox";
import { parseDuration } from "../lib/duration.ts";
import { unlike } from "./fault.ts";
import { type Notes, setting, type Unset, type Words } from "./notes.ts";

/** A length of time in milliseconds. All three texts are durations such as `15m`. */
export function duration({
  fallback,
  from,
  to,
  ...words
}: Words & Record<"fallback" | "from" | "to", string>) {
  const wanted = `a duration from ${from} to ${to}`;
  const bounds = { minimum: milliseconds(from), maximum: milliseconds(to) };
  const schema = Type.Integer({ ...bounds, default: milliseconds(fallback), description: words.meaning });
  return setting(schema, {
    ...words,
    meaning: withBounds(words.meaning, from, to),
    fallback: { text: fallback },
    wanted,
    read: (text) => readDuration(text, wanted),
  });
}

/** The waits before each attempt, in milliseconds; before the first there is none. */
export function waits({ fallback, ...words }: Words & { fallback: string }) {
  const wanted = "1 to 50 durations separated by commas, the first 0s and each other from 1s to 7d";
  const wait = Type.Integer({ minimum: 0, maximum: milliseconds("7d") });
  const read = (text: string) => {
    const read = readList(text, (item) => readDuration(item, wanted));
    if (!read.every((wait, index) => (index === 0 ? wait === 0 : wait >= 1_000))) throw unlike(wanted, text);
    return read;
  };
  const options = { default: read(fallback), minItems: 1, maxItems: 50, description: words.meaning };
  return setting(Type.Array(wait, options), { ...words, fallback: { text: fallback }, wanted, read });
}

type Bounds = { from: number; to: number };

/** A whole number with a default. */
export function wholeNumber({ fallback, from, to, ...words }: Words & Bounds & { fallback: number }) {
  const schema = Type.Integer({ minimum: from, maximum: to, default: fallback, description: words.meaning });
  return setting(schema, { ...numberNotes(words, { from, to }), fallback: { text: String(fallback) } });
}

/** A whole number that depends on the machine while it is unset. */
export function optionalWholeNumber({ unset, from, to, ...words }: Words & Bounds & Unset) {
  const schema = Type.Optional(Type.Integer({ minimum: from, maximum: to, description: words.meaning }));
  return setting(schema, { ...numberNotes(words, { from, to }), fallback: { words: unset } });
}

/** The digits are judged before anything is converted: typebox's Convert makes `""` 0 and `"80.5"` 80. */
function numberNotes(words: Words, { from, to }: Bounds): Omit<Notes, "fallback"> {
  const wanted = `a whole number from ${from} to ${to}`;
  return {
    ...words,
    meaning: withBounds(words.meaning, String(from), String(to)),
    wanted,
    read(text) {
      if (!/^\d{1,15}$/.test(text)) throw unlike(wanted, text);
      return Number(text);
    },
  };
}

/** One of a few words. */
export function choice<const Values extends string[]>(
  values: readonly [...Values],
  { fallback, ...words }: Words & { fallback: Values[number] },
) {
  const schema = Type.Enum(values, { default: fallback, description: words.meaning });
  return setting(schema, { ...choiceNotes(values, words), fallback: { text: fallback } });
}

/** One of a few words, chosen by circumstance while it is unset. */
export function optionalChoice<const Values extends string[]>(
  values: readonly [...Values],
  { unset, ...words }: Words & Unset,
) {
  const schema = Type.Optional(Type.Enum(values, { description: words.meaning }));
  return setting(schema, { ...choiceNotes(values, words), fallback: { words: unset } });
}

function choiceNotes(values: readonly string[], words: Words): Omit<Notes, "fallback"> {
  const wanted = `${values.slice(0, -1).join(", ")} or ${values.at(-1)}`;
  return { ...words, wanted, read: (text) => text };
}

/** `on` or `off`. */
export function onOff({ fallback, ...words }: Words & { fallback: boolean }) {
  return setting(Type.Boolean({ default: fallback, description: words.meaning }), {
    ...words,
    fallback: { text: fallback ? "on" : "off" },
    wanted: "on or off",
    read(text) {
      if (!/^(on|off|true|false)$/.test(text)) throw unlike("on or off", text);
      return text === "on" || text === "true";
    },
  });
}

/** The items between the commas; `none` is the way to say "no items" where an empty value would mean "unset". */
export function readList<Item>(text: string, readItem: (item: string) => Item): Item[] {
  return text === "none" ? [] : text.split(",").map((item) => readItem(item.trim()));
}

function readDuration(text: string, wanted: string): number {
  const read = parseDuration(text);
  if (read === undefined) throw unlike(wanted, text);
  return read;
}

function withBounds(meaning: string, from: string, to: string): string {
  return `${meaning.replace(/\.$/, "")}; ${from} to ${to}.`;
}

function milliseconds(text: string): number {
  return readDuration(text, "a duration");
}
