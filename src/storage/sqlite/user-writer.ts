import { foldCase } from "../../lib/text.ts";
import type { Connection } from "./open.ts";
import { users } from "./schema.ts";

/** What a new user cannot go without; the rest has its default. */
export type UserToInsert = Partial<Omit<typeof users.$inferInsert, "emailKey" | "passwordVersion">> & {
  id: string;
  accountId: string;
  email: string;
  role: string;
  createdAt: number;
};

/** Inserts users inside a transaction, each with the defaults of the contract. */
export function userWriter({ db }: Connection): (user: UserToInsert) => void {
  return (user) => {
    db.insert(users)
      .values({
        firstName: "",
        lastName: "",
        company: "",
        otherRoles: [],
        tags: [],
        status: "active",
        passwordHash: null,
        googleSsoEnabled: false,
        allowCustomerPortalAccess: false,
        emailPreferenceMetrics: true,
        updatedAt: user.createdAt,
        ...user,
        emailKey: foldCase(user.email),
        passwordVersion: 1,
      })
      .run();
  };
}
