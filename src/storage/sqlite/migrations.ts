import login from "../../../drizzle/0000_login.sql" with { type: "text" };
import type { Migration } from "./migrate.ts";

/**
 * The migrations in order, embedded in the binary as text. drizzle-kit writes them; a test holds this list and
 * `drizzle/meta/_journal.json` together.
 */
export const migrations: readonly Migration[] = [{ name: "0000_login", sql: login }];
