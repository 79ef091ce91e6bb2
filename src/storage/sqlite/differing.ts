/** Of the given fields, those that say something else than the row. A field that is undefined says nothing. */
export function differing<Row extends object>(
  row: Row,
  given: { [Field in keyof Row]?: Row[Field] | undefined },
): Partial<Row> {
  const changes: Partial<Row> = {};
  for (const field in given) {
    const value = given[field];
    if (value !== undefined && !Bun.deepEquals(value, row[field])) changes[field] = value;
  }
  return changes;
}

/** Whether there is anything in it. */
export function isEmpty(changes: object): boolean {
  return Object.keys(changes).length === 0;
}
