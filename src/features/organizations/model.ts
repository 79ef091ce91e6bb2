import { t } from "elysia";
import { isoTime } from "../../lib/clock.ts";
import { type Reseller, resellerJson, resellerSchema } from "../resellers/model.ts";

export type Address = {
  addressLine1: string;
  addressLine2: string;
  city: string;
  state: string;
  country: string;
  postalCode: string;
};

export type Organization = {
  id: string;
  accountId: string;
  name: string;
  email: string;
  description: string;
  allowedUsers: number;
  address: Address;
  reseller: Reseller | null;
  createdAt: number;
  updatedAt: number;
};

export const addressSchema = t.Object({
  addressLine1: t.String(),
  addressLine2: t.String(),
  city: t.String(),
  state: t.String(),
  country: t.String(),
  postalCode: t.String(),
});

export const organizationSchema = t.Object({
  id: t.String(),
  createdAt: t.String(),
  updatedAt: t.String(),
  name: t.String(),
  email: t.String(),
  description: t.String(),
  allowedUsers: t.Integer(),
  address: addressSchema,
  resellerId: t.Union([t.String(), t.Null()]),
  reseller: t.Union([resellerSchema, t.Null()]),
});

export type OrganizationJson = typeof organizationSchema.static;

/** An organization as the API and the events show it; `reseller` is the organization's own, not its users'. */
export function organizationJson(organization: Organization): OrganizationJson {
  return {
    id: organization.id,
    createdAt: isoTime(organization.createdAt),
    updatedAt: isoTime(organization.updatedAt),
    name: organization.name,
    email: organization.email,
    description: organization.description,
    allowedUsers: organization.allowedUsers,
    address: organization.address,
    resellerId: organization.reseller?.id ?? null,
    reseller: organization.reseller === null ? null : resellerJson(organization.reseller),
  };
}
