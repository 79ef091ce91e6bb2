import type { ImportStore } from "../../features/import/store.ts";
import { importChecker } from "./import-check.ts";
import { importFinder } from "./import-finder.ts";
import { organizationImports } from "./import-organizations.ts";
import { userImport } from "./import-users.ts";
import { webhookImports } from "./import-webhooks.ts";
import type { Connection } from "./open.ts";
import { roleTable } from "./roles.ts";
import { webhookTable } from "./webhooks.ts";

/** The answers to `features/import/store.ts`. */
export function importStore(connection: Connection): ImportStore {
  const roles = roleTable(connection);
  const finder = importFinder(connection, roles);
  const webhooks = webhookTable(connection);
  return {
    startCheck: importChecker(connection, finder, webhooks),
    hasUser: async (accountId, { id, email }) =>
      finder.find(accountId, { kind: "user", id, name: email }) !== undefined,
    importUser: userImport(connection, finder, roles),
    ...organizationImports(connection, finder),
    ...webhookImports(connection, finder, webhooks),
  };
}
