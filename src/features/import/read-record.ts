import Type from "typebox";
import { Compile, type Validator } from "typebox/compile";
import { shown } from "../../config/fault.ts";
import { nearest } from "../../config/names.ts";
import { describeFaults } from "./faults.ts";
import { type ImportKind, type ImportRecord, importKinds, schemas } from "./model.ts";

/** A line of an import file that cannot be applied. The message is a phrase that says why and repeats no value. */
export class BadLine extends Error {}

/** Reads the text of one line as the record that it is. Throws BadLine. */
export type ReadRecord = (text: string) => ImportRecord;

/** Compiles the schemas, which takes some ms: once an import, not once a command. */
export function makeRecordReader(): ReadRecord {
  const isRecord = Compile(Type.Union(importKinds.map((kind) => schemas[kind])));
  const validators = new Map<ImportKind, Validator>();
  const faultsOf = (kind: ImportKind, value: object): string => {
    const validator = validators.get(kind) ?? Compile(schemas[kind]);
    validators.set(kind, validator);
    return describeFaults(validator.Errors(value), Object.keys(schemas[kind].properties));
  };
  return (text) => {
    const value = parseObject(text);
    const kind = kindOf(value);
    const record = withoutNulls(value, 0);
    if (isRecord.Check(record)) return record;
    throw new BadLine(faultsOf(kind, record));
  };
}

function parseObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new BadLine("the line is not JSON");
  }
  if (!isObject(value)) throw new BadLine("the line is not a JSON object");
  return value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function kindOf(value: Record<string, unknown>): ImportKind {
  const kinds = importKinds.join(", ");
  if (typeof value["kind"] !== "string") throw new BadLine(`kind must be one of ${kinds}`);
  const written = value["kind"];
  const kind = importKinds.find((known) => known === written);
  if (kind === undefined) {
    throw new BadLine(`there is no kind ${shown(written)}: did you mean ${nearest(written, importKinds)}?`);
  }
  return kind;
}

/** Null is the way of many programs to say "absent"; of a reference it says "none", which is the empty text here. */
const references = ["organizationId", "resellerId"];

/** Records nest no deeper: what does is refused by its schema. */
const deepestNull = 2;

function withoutNulls(value: Record<string, unknown>, depth: number): Record<string, unknown> {
  const entries = Object.entries(value).flatMap(([key, item]): [string, unknown][] => {
    if (item === null) return depth === 0 && references.includes(key) ? [[key, ""]] : [];
    return [[key, depth < deepestNull ? withoutNestedNulls(item, depth + 1) : item]];
  });
  return Object.fromEntries(entries);
}

function withoutNestedNulls(value: unknown, depth: number): unknown {
  if (Array.isArray(value)) {
    return value.map((item) => (isObject(item) ? withoutNulls(item, depth) : item));
  }
  return isObject(value) ? withoutNulls(value, depth) : value;
}
