import type { TSchema } from "typebox";

/** The side of a setting that people see: its words, and how a text becomes its value. */
export type Notes = {
  /** One sentence. It may hold Markdown's backticks. */
  meaning: string;
  /** The value when unset: as one would write it, or in words. */
  fallback: { text: string } | { words: string };
  example: string;
  /** What a value must be, as it goes on after `must be`. */
  wanted: string;
  /** Throws Fault for a text that is none. Bounds are the schema's to check. */
  read(text: string): unknown;
};

/** A schema of typebox with its notes. */
export type Setting<Schema extends TSchema = TSchema> = Schema & { notes: Notes };

/** Puts a schema and its notes together. */
export function setting<Schema extends TSchema>(schema: Schema, notes: Notes): Setting<Schema> {
  return Object.assign(schema, { notes });
}

/** What every kind of setting is told: its sentence, and a good value for messages. */
export type Words = { meaning: string; example: string };

/** What a setting without a fixed default does while it is unset. */
export type Unset = { unset: string };
