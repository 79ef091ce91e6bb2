import { beforeAll, describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import example from "../support/account.logged-in.json" with { type: "json" };
import { atEnd, type StartedBinary, startBinary } from "../support/postern.ts";
import { type Received, type Receiver, startReceiver } from "../support/receiver.ts";
import { importRecords, password, seededFolder, user, webhook } from "../support/seed.ts";
import { authenticatorCode, totpSecret } from "../support/totp.ts";

const settings = { POSTERN_WEBHOOK_ALLOW_NETWORKS: "127.0.0.0/8" };
const token = "a token with spaces, an \u00e9 and a \u{1f511}";
const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

const { data } = example;
const { organization, reseller } = data;

/** The import lines of everybody in the contract's example. */
const everybody = [
  {
    kind: "reseller",
    id: reseller.id,
    name: reseller.name,
    email: reseller.email,
    allowedUsers: reseller.allowedUsers,
    allowedOrganizations: reseller.allowedOrganizations,
  },
  {
    kind: "organization",
    id: organization.id,
    name: organization.name,
    email: organization.email,
    description: organization.description,
    allowedUsers: organization.allowedUsers,
    resellerId: organization.resellerId,
    address: organization.address,
  },
  {
    kind: "user",
    id: data.id,
    email: data.email,
    firstName: data.firstName,
    lastName: data.lastName,
    company: data.company,
    role: data.role,
    password,
    allowCustomerPortalAccess: data.allowCustomerPortalAccess,
    organizationId: data.organizationId,
    resellerId: data.resellerId,
    tags: data.tags,
    metadata: data.metadata.map(({ key, value, viewPermissions, visible }) => ({
      key,
      value,
      viewPermissions,
      visible,
    })),
    twoFactorSecret: totpSecret,
  },
];

let postern: StartedBinary;
let receiver: Receiver;

beforeAll(async () => {
  receiver = await startReceiver();
  atEnd(() => receiver.close());
  const dataDir = await seededFolder([
    ...everybody,
    { kind: "role", name: "auditor" },
    user("bare", { lastName: "" }),
    user("roles", {
      role: "auditor",
      roles: ["user", "auditor", "admin"],
      emailPreference: { metrics: false },
    }),
  ]);
  await importRecords(dataDir, [webhook(receiver.url, token)], undefined, settings);
  postern = await startBinary({ dataDir, settings });
});

/** Logs in and takes the one event that follows. */
async function eventOf(body: Record<string, unknown>): Promise<Received> {
  const arriving = receiver.next();
  expect((await postern.login({ password, ...body })).status).toBe(200);
  return arriving;
}

const parse = ({ body }: Received) => JSON.parse(body.toString());

/**
 * Compares a payload with the example: the same keys in the same order, the same types, the same values; any time where the example has
 * one, but with milliseconds; any id where Postern makes it.
 */
function expectLike(actual: unknown, expected: unknown, path: string): void {
  if (typeof expected === "string" && /^\d{4}-\d\d-\d\dT/.test(expected)) {
    expect(actual, path).toMatch(time);
  } else if (/^data\.metadata\.\d+\.id$/.test(path)) {
    expect(actual, path).toMatch(/^[0-9a-f-]{36}$/);
  } else if (typeof expected === "object" && expected !== null) {
    expect(Array.isArray(actual), path).toBe(Array.isArray(expected));
    const entries = Object.entries(actual ?? {});
    expect(
      entries.map(([key]) => key),
      path,
    ).toEqual(Object.keys(expected));
    const inside = new Map(Object.entries(expected));
    for (const [key, value] of entries)
      expectLike(value, inside.get(key), path === "" ? key : `${path}.${key}`);
  } else {
    expect(actual, path).toBe(expected);
  }
}

describe("the event account.logged-in", () => {
  test("is the contract's example, field by field, for the example's people", async () => {
    const before = Date.now();
    const received = await eventOf({
      email: data.email,
      twoFactorCode: authenticatorCode(totpSecret, Date.now()),
    });
    const event = parse(received);
    expectLike(event, example, "");
    const { lastLoginAt, lastSeenAt, createdAt, updatedAt } = event.data;
    expect(lastLoginAt).toBe(event.triggeredAt);
    expect(lastSeenAt).toBe(event.triggeredAt);
    expect(updatedAt).toBe(createdAt);
    const triggered = Date.parse(event.triggeredAt);
    expect(triggered).toBeGreaterThanOrEqual(before);
    expect(triggered).toBeLessThanOrEqual(Date.now());
  });

  test("has every key and the contract's defaults for a user who has nothing", async () => {
    const event = parse(await eventOf({ email: "bare@example.com" }));
    expect(event.data).toEqual({
      id: expect.any(String),
      createdAt: expect.stringMatching(time),
      updatedAt: expect.stringMatching(time),
      name: "bare",
      firstName: "bare",
      lastName: "",
      email: "bare@example.com",
      role: "user",
      twoFactorEnabled: false,
      googleSsoEnabled: false,
      lastLoginAt: event.triggeredAt,
      company: "",
      allowCustomerPortalAccess: false,
      roles: ["user"],
      lastSeenAt: event.triggeredAt,
      organizationId: null,
      organization: null,
      resellerId: null,
      reseller: null,
      metadata: [],
      tags: [],
      emailPreference: { metrics: true },
    });
    expect(Object.keys(event.data)).toEqual(Object.keys(data));
  });

  test("names the role, and all roles with it first", async () => {
    const event = parse(await eventOf({ email: "roles@example.com" }));
    expect(event.data.role).toBe("auditor");
    expect(event.data.roles).toEqual(["auditor", "user", "admin"]);
    expect(event.data.emailPreference).toEqual({ metrics: false });
  });

  test("moves lastLoginAt with each login, and updatedAt with none", async () => {
    const first = parse(await eventOf({ email: "bare@example.com" })).data;
    const second = parse(await eventOf({ email: "bare@example.com" })).data;
    expect(Date.parse(second.lastLoginAt)).toBeGreaterThanOrEqual(Date.parse(first.lastLoginAt));
    expect(second.updatedAt).toBe(first.updatedAt);
    expect(second.createdAt).toBe(first.createdAt);
  });

  test("comes as JSON by POST, signed over its very bytes with the webhook's token", async () => {
    const { method, path, headers, body } = await eventOf({ email: "bare@example.com" });
    expect([method, path]).toEqual(["POST", "/hook"]);
    expect(headers.get("content-type")).toBe("application/json");
    expect(headers.get("user-agent")).toMatch(/^Postern\/\d/);
    expect(headers.get("webhook-id")).toMatch(/^evt_[0-9a-f]{32}$/);
    expect(headers.get("webhook-timestamp")).toMatch(/^\d{10}$/);
    expect(headers.get("webhook-attempt")).toBe("1");
    expect(headers.get("webhook-signature")).toBe(createHmac("sha256", token).update(body).digest("base64"));
  });

  test("holds no secret", async () => {
    const text = (await eventOf({ email: "roles@example.com" })).body.toString();
    for (const secret of [password, token, totpSecret, "$argon2", "password", "secret"]) {
      expect(text).not.toContain(secret);
    }
  });
});

test("a login that is refused is told to nobody", async () => {
  const before = receiver.received.length;
  for (const fields of [
    { password: "wrong password" },
    { email: "ghost@example.com" },
    { email: data.email },
  ]) {
    expect((await postern.login({ email: "bare@example.com", password, ...fields })).status).toBe(400);
  }
  // The next event to arrive is the next login's.
  const event = parse(await eventOf({ email: "roles@example.com" }));
  expect(event.data.email).toBe("roles@example.com");
  expect(receiver.received).toHaveLength(before + 1);
});
