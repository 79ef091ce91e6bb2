import type { Client } from "./postern.ts";
import { account, password } from "./seed.ts";
import { partOf, tokensOf } from "./tokens.ts";

export type LoggedIn = {
  email: string;
  userId: string;
  sessionId: string;
  accessToken: string;
  refreshToken: string;
  /** A call with its access token; `body` goes as JSON where there is one. */
  call(method: string, path: string, body?: unknown): Promise<Response>;
};

/** A user with a session of its own. */
export async function logIn(
  client: Client,
  email: string,
  {
    accountId = account.id,
    secret = password,
    headers = {},
  }: { accountId?: string; secret?: string; headers?: Record<string, string> } = {},
): Promise<LoggedIn> {
  const answer = await client.post("/v3/accounts/login", { accountId, email, password: secret }, headers);
  const tokens = await tokensOf(answer);
  const claims = partOf(tokens.accessToken, 1);
  return {
    ...tokens,
    email,
    userId: String(claims["sub"]),
    sessionId: String(claims["sid"]),
    call: (method, path, body) => call(client, method, path, { token: tokens.accessToken, body }),
  };
}

/** A call of any method, with a Bearer token and a JSON body where they are given. */
export function call(
  client: Client,
  method: string,
  path: string,
  { token, body }: { token?: string; body?: unknown } = {},
): Promise<Response> {
  return fetch(client.url + path, {
    method,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { "content-type": "application/json" }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}

/** What an answer was: its status, and its code where it is an error. */
export async function outcomeOf(response: Response): Promise<string> {
  const text = await response.text();
  return response.ok ? String(response.status) : `${response.status} ${JSON.parse(text).code}`;
}
