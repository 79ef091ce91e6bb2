import { eq } from "drizzle-orm";
import type { ImportedOrganization, ImportedReseller, ImportStore } from "../../features/import/store.ts";
import { differing, isEmpty } from "./differing.ts";
import { importAudit } from "./import-audit.ts";
import type { ImportFinder } from "./import-finder.ts";
import type { Connection } from "./open.ts";
import { organizations, resellers, roles } from "./schema.ts";

type OrganizationImports = Pick<ImportStore, "importReseller" | "importOrganization" | "importRole">;

/** Imports what users refer to. */
export function organizationImports(connection: Connection, finder: ImportFinder): OrganizationImports {
  const { db, write } = connection;
  const audited = importAudit(connection);
  return {
    importReseller: (reseller, mark) =>
      write(() => {
        const { accountId, newId, now } = mark;
        const found = finder.find(accountId, { ...reseller, kind: "reseller" });
        const id = found ?? reseller.id ?? newId;
        const row = db.select().from(resellers).where(eq(resellers.id, id)).get();
        if (row === undefined) {
          db.insert(resellers)
            .values({ ...newReseller(reseller), id, accountId, createdAt: now, updatedAt: now })
            .run();
          return audited({ kind: "reseller", id }, "created", mark);
        }
        const changes = differing(row, { ...reseller, id });
        if (isEmpty(changes)) return { kind: "unchanged", id };
        db.update(resellers)
          .set({ ...changes, updatedAt: now })
          .where(eq(resellers.id, id))
          .run();
        return audited({ kind: "reseller", id }, "updated", mark);
      }),
    importOrganization: (organization, mark) =>
      write(() => {
        const { accountId, newId, now } = mark;
        const found = finder.find(accountId, { ...organization, kind: "organization" });
        finder.refuseUnknown(accountId, "reseller", organization.resellerId);
        const id = found ?? organization.id ?? newId;
        const row = db.select().from(organizations).where(eq(organizations.id, id)).get();
        if (row === undefined) {
          db.insert(organizations)
            .values({ ...newOrganization(organization), id, accountId, createdAt: now, updatedAt: now })
            .run();
          return audited({ kind: "organization", id }, "created", mark);
        }
        const changes = differing(row, { ...organization, id });
        if (isEmpty(changes)) return { kind: "unchanged", id };
        db.update(organizations)
          .set({ ...changes, updatedAt: now })
          .where(eq(organizations.id, id))
          .run();
        return audited({ kind: "organization", id }, "updated", mark);
      }),
    importRole: (name, mark) =>
      write(() => {
        const { accountId, now } = mark;
        if (finder.has(accountId, "role", name)) return { kind: "unchanged", id: name };
        db.insert(roles).values({ accountId, name, createdAt: now }).run();
        return audited({ kind: "role", id: name }, "created", mark);
      }),
  };
}

function newReseller({ name, email = "", description = "", ...allowed }: ImportedReseller) {
  return {
    name,
    email,
    description,
    allowedUsers: allowed.allowedUsers ?? 0,
    allowedOrganizations: allowed.allowedOrganizations ?? 0,
  };
}

function newOrganization(organization: ImportedOrganization) {
  const { name, email = "", description = "", allowedUsers = 0, resellerId = null } = organization;
  const {
    addressLine1 = "",
    addressLine2 = "",
    city = "",
    state = "",
    country = "",
    postalCode = "",
  } = organization;
  const address = { addressLine1, addressLine2, city, state, country, postalCode };
  return { name, email, description, allowedUsers, resellerId, ...address };
}
