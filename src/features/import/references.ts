import type { ImportRecord } from "./model.ts";
import type { NotedLine } from "./store.ts";

/** What a record is called and what it refers to. */
export function noted(line: number, record: ImportRecord): NotedLine {
  return { line, ...keyOf(record), references: referencesOf(record) };
}

function keyOf(record: ImportRecord): Pick<NotedLine, "kind" | "id" | "name"> {
  const { kind } = record;
  if (kind === "role") return { kind, id: null, name: record.name };
  return { kind, id: record.id ?? null, name: kind === "user" ? record.email : record.name };
}

function referencesOf(record: ImportRecord): NotedLine["references"] {
  switch (record.kind) {
    case "organization":
      return reference("reseller", "resellerId", record.resellerId);
    case "user":
      return [
        ...reference("organization", "organizationId", record.organizationId),
        ...reference("reseller", "resellerId", record.resellerId),
        ...reference("role", "role", record.role),
        ...(record.roles ?? []).flatMap((role) => reference("role", "roles", role)),
      ];
    default:
      return [];
  }
}

function reference(
  kind: NotedLine["references"][number]["kind"],
  field: string,
  to: string | undefined,
): NotedLine["references"] {
  return to === undefined || to === "" ? [] : [{ kind, field, to }];
}
