import { beforeAll, describe, expect, test } from "bun:test";
import { rowsOf } from "../support/database.ts";
import { call, type LoggedIn, logIn, outcomeOf } from "../support/logged-in.ts";
import { type StartedBinary, startBinary } from "../support/postern.ts";
import {
  account,
  command,
  createAccount,
  importRecords,
  password,
  seededFolder,
  user,
} from "../support/seed.ts";

// A walk over all calls that the document names: whatever is added is walked too.

type Operation = { method: string; path: string; operationId: string; security: unknown };

/** Calls that need no token. Whoever adds one says so here. */
const openCalls = ["health", "issuerMetadata", "jwks", "live", "login", "logout", "ready", "refresh"];

const elsewhere = { id: "other-account", alias: "other" };

/** A body that every call takes: unknown properties are ignored. */
const fittingBody = {
  firstName: "Mallory",
  lastName: "Mallory",
  company: "Mallory Ltd",
  email: "mallory@example.com",
  password,
  oldPassword: password,
  newPassword: "a quite different pass phrase",
};
const unfittingBody = Object.fromEntries(Object.keys(fittingBody).map((name) => [name, 5]));

let postern: StartedBinary;
let victim: LoggedIn;
let operations: Operation[] = [];

beforeAll(async () => {
  const dataDir = await seededFolder([user("ada", { metadata: [{ key: "department", value: "research" }] })]);
  await createAccount(dataDir, elsewhere);
  postern = await startBinary({ dataDir });
  victim = await logIn(postern, "ada@example.com");
  const token = ["token", "create", "--account", account.id, "--user", victim.email, "--name", "ci"];
  await command(dataDir, token);
  const document = JSON.parse(await (await postern.get("/swagger/json")).text());
  operations = Object.entries<Record<string, Omit<Operation, "method" | "path">>>(document.paths).flatMap(
    ([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({
        method: method.toUpperCase(),
        path,
        operationId: operation.operationId,
        security: operation.security,
      })),
  );
  await importRecords(
    dataDir,
    guarded().map(({ operationId }) => user(operationId)),
    elsewhere.id,
  );
});

/** The calls that need a token, by what the document says of them. */
const guarded = () =>
  operations.filter(({ security }) => Array.isArray(security) && !JSON.stringify(security).includes("{}"));

/** A path with the victim's ids in it: of its user, or of its session. */
const aimed = (path: string) =>
  path.replace("{id}", path.includes("/sessions/") ? victim.sessionId : victim.userId);

/** Sends a body where the method has one. */
const request = ({ method, path }: Operation, body: unknown, token?: string) =>
  call(postern, method, aimed(path), {
    ...(token !== undefined && { token }),
    ...(["POST", "PATCH", "PUT"].includes(method) && { body }),
  });

test("the document says of each call whether it needs a token, and of which kind", () => {
  const open = operations.filter((operation) => !guarded().includes(operation));
  expect(open.map(({ operationId }) => operationId).toSorted()).toEqual(openCalls);
  const kinds = new Set(guarded().map(({ security }) => JSON.stringify(security)));
  expect(kinds).toEqual(
    new Set([
      '[{"accessToken":[]}]',
      '[{"accessToken":[]},{"personalAccessToken":[]}]',
      '[{"accessToken":[]},{"enrolmentToken":[]}]',
    ]),
  );
  expect(operations.find(({ operationId }) => operationId === "logout")?.security).toEqual([
    { accessToken: [] },
    {},
  ]);
});

describe("each call that needs a token", () => {
  test("answers a stranger 401 before it says anything of the body, and nothing of a token", async () => {
    for (const operation of guarded()) {
      for (const body of [fittingBody, unfittingBody]) {
        const response = await request(operation, body);
        expect(response.headers.get("www-authenticate")).toBe('Bearer realm="postern"');
        expect(response.headers.get("cache-control")).toBe("no-store");
        expect([operation.operationId, await outcomeOf(response)]).toEqual([
          operation.operationId,
          "401 UNAUTHENTICATED",
        ]);
      }
    }
  });

  test("answers a token that is not good 401, and says that it is not", async () => {
    const shortened = victim.accessToken.slice(0, -4);
    for (const operation of guarded()) {
      for (const token of ["garbage", victim.refreshToken, shortened, `ptp_${"A".repeat(43)}`]) {
        const response = await request(operation, unfittingBody, token);
        expect(response.headers.get("www-authenticate")).toBe(
          'Bearer realm="postern", error="invalid_token"',
        );
        expect([operation.operationId, await outcomeOf(response)]).toEqual([
          operation.operationId,
          "401 UNAUTHENTICATED",
        ]);
      }
    }
  });

  test("takes no token from its query", async () => {
    for (const { method, path } of guarded()) {
      const query = `access_token=${victim.accessToken}&token=${victim.accessToken}&authorization=Bearer`;
      expect(await outcomeOf(await call(postern, method, `${aimed(path)}?${query}`))).toBe(
        "401 UNAUTHENTICATED",
      );
    }
  });

  test("shows and changes nothing of one account to a user of another, who names its ids", async () => {
    const secrets = [account.id, victim.userId, victim.sessionId, "research"];
    const before = everythingOf(account.id);
    const made = [
      "token",
      "create",
      "--account",
      elsewhere.id,
      "--user",
      "me@example.com",
      "--name",
      "ci",
      "--json",
    ];
    const { token: personal } = JSON.parse(await command(postern.dataDir, made));
    for (const operation of guarded()) {
      const email = `${operation.operationId}@example.com`;
      const { accessToken } = await logIn(postern, email, { accountId: elsewhere.id });
      for (const own of [personal, accessToken]) {
        // The victim's address is free here: a conflict would tell that somebody has it.
        const response = await request(operation, { ...fittingBody, email: victim.email }, own);
        const answer = `${JSON.stringify([...response.headers])}${await response.text()}`;
        expect([operation.operationId, secrets.filter((secret) => answer.includes(secret))]).toEqual([
          operation.operationId,
          [],
        ]);
        expect(response.status).not.toBe(409);
      }
      expect([operation.operationId, everythingOf(account.id)]).toEqual([operation.operationId, before]);
    }
    expect(await outcomeOf(await victim.call("GET", "/v3/me"))).toBe("200");
  });
});

/** Every row of an account, of whatever table. */
function everythingOf(accountId: string): Record<string, unknown[]> {
  const tables = rowsOf<{ name: string }>(
    postern.dataDir,
    `SELECT m.name FROM sqlite_schema AS m, pragma_table_info(m.name) AS c
     WHERE m.type = 'table' AND c.name = 'account_id' ORDER BY m.name`,
  );
  const rows = tables.map(({ name }): [string, unknown[]] => [
    name,
    rowsOf(postern.dataDir, `SELECT * FROM "${name}" WHERE account_id = ? ORDER BY rowid`, accountId),
  ]);
  return Object.fromEntries([
    ...rows,
    ["accounts", rowsOf(postern.dataDir, "SELECT * FROM accounts WHERE id = ?", accountId)],
  ]);
}
