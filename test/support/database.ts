import { Database, type SQLQueryBindings } from "bun:sqlite";
import { join } from "node:path";

// What a server wrote, read beside it from its file: for what must be kept and no call shows, and for what must not be kept.

/** The rows that a query finds, seen beside a running server. */
export function rowsOf<Row>(dataDir: string, query: string, ...values: SQLQueryBindings[]): Row[] {
  const database = new Database(join(dataDir, "postern.db"), { readonly: true });
  try {
    return database.query<Row, SQLQueryBindings[]>(query).all(...values);
  } finally {
    database.close();
  }
}

/** Changes the file behind the server's back, for damage that the program itself never does. */
export function damage(dataDir: string, statement: string, ...values: SQLQueryBindings[]): void {
  const database = new Database(join(dataDir, "postern.db"));
  try {
    database.run("PRAGMA busy_timeout = 5000");
    database.run(statement, values);
  } finally {
    database.close();
  }
}
