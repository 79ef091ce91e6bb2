import type { Output } from "./output.ts";

export type Column<Item> = { title: string; text(item: Item): string };

export type Listing<Item> = {
  /** What there is none of: `users`. */
  noun: string;
  columns: readonly Column<Item>[];
  json(item: Item): object;
};

/** Records in memory at a time, however long the list. */
const pageSize = 200;

export type ReadPage<Item> = (page: { afterId: string; limit: number }) => Promise<Item[]>;

/** Writes a list as it is read: an aligned table, or one JSON array with a record a line. */
export async function writeList<Item extends { id: string }>(
  output: Output,
  readPage: ReadPage<Item>,
  listing: Listing<Item>,
): Promise<void> {
  if (output.json) await writeArray(output, readPage, listing);
  else await writeTable(output, readPage, listing);
}

async function* pages<Item extends { id: string }>(readPage: ReadPage<Item>): AsyncGenerator<Item[]> {
  for (let afterId = ""; ; ) {
    const page = await readPage({ afterId, limit: pageSize });
    if (page.length > 0) yield page;
    const last = page.at(-1);
    if (last === undefined || page.length < pageSize) return;
    afterId = last.id;
  }
}

async function writeArray<Item extends { id: string }>(
  output: Output,
  readPage: ReadPage<Item>,
  { json }: Listing<Item>,
): Promise<void> {
  let before = "[";
  for await (const page of pages(readPage)) {
    for (const item of page) {
      await output.line(`${before}${JSON.stringify(json(item))}`);
      before = ",";
    }
  }
  await output.line(before === "[" ? "[]" : "]");
}

/**
 * The first page decides how wide the columns are: whoever is wider later sticks out, and the list needs not be known
 * whole.
 */
async function writeTable<Item extends { id: string }>(
  output: Output,
  readPage: ReadPage<Item>,
  { noun, columns }: Listing<Item>,
): Promise<void> {
  let widths: number[] | undefined;
  for await (const page of pages(readPage)) {
    const rows = page.map((item) => columns.map(({ text }) => text(item).replaceAll("\n", " ")));
    if (widths === undefined) {
      const titles = columns.map(({ title }) => title);
      widths = columns.map((_, column) => Math.max(...[titles, ...rows].map((row) => widthOf(row[column]))));
      await output.line(aligned(titles, widths));
    }
    for (const row of rows) await output.line(aligned(row, widths));
  }
  if (widths === undefined) await output.line(`There are no ${noun}.`);
}

function aligned(cells: readonly string[], widths: readonly number[]): string {
  return cells
    .map((cell, column) => cell + " ".repeat(Math.max(0, (widths[column] ?? 0) - widthOf(cell))))
    .join("  ")
    .trimEnd();
}

/** In columns of a terminal, where some characters take two and others none. */
function widthOf(cell: string | undefined): number {
  return Bun.stringWidth(cell ?? "");
}
