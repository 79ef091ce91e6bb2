import { t } from "elysia";
import { isoTime } from "../../lib/clock.ts";

export type Reseller = {
  id: string;
  accountId: string;
  name: string;
  email: string;
  description: string;
  allowedUsers: number;
  allowedOrganizations: number;
  createdAt: number;
  updatedAt: number;
};

export const resellerSchema = t.Object({
  id: t.String(),
  createdAt: t.String(),
  updatedAt: t.String(),
  name: t.String(),
  email: t.String(),
  description: t.String(),
  allowedUsers: t.Integer(),
  allowedOrganizations: t.Integer(),
});

export type ResellerJson = typeof resellerSchema.static;

/** A reseller as the API and the events show it. */
export function resellerJson(reseller: Reseller): ResellerJson {
  return {
    id: reseller.id,
    createdAt: isoTime(reseller.createdAt),
    updatedAt: isoTime(reseller.updatedAt),
    name: reseller.name,
    email: reseller.email,
    description: reseller.description,
    allowedUsers: reseller.allowedUsers,
    allowedOrganizations: reseller.allowedOrganizations,
  };
}
