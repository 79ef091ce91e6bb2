import type { Clock } from "../../src/lib/clock.ts";
import { call, type LoggedIn, logIn } from "./logged-in.ts";
import type { Client } from "./postern.ts";
import { account, password } from "./seed.ts";
import { authenticatorCode } from "./totp.ts";

export const stepMs = 30_000;

/** The base32 secret in an `otpauth://` URL. */
export function secretOf(url: string): string {
  return new URL(url).searchParams.get("secret") ?? "";
}

/** An answer's JSON. Throws when it is an error. */
export async function answerOf(response: Response): Promise<Record<string, unknown>> {
  const text = await response.text();
  if (!response.ok) throw new Error(`refused with ${response.status}: ${text}`);
  return JSON.parse(text);
}

/** Asks for a secret, with an access token or an enrolment ticket, as an authenticator app is given it. */
export async function beginEnrolment(client: Client, token: string): Promise<string> {
  const { url } = await answerOf(await call(client, "POST", "/v3/me/2fa-secret", { token }));
  return secretOf(String(url));
}

export type Enrolled = LoggedIn & {
  secret: string;
  /** The code of so many steps from now. */
  code(steps?: number): string;
};

/** A user that logged in and turned its second factor on, which spent the present code. */
export async function enrol(client: Client, clock: Clock, email: string): Promise<Enrolled> {
  const who = await logIn(client, email);
  const secret = await beginEnrolment(client, who.accessToken);
  const code = (steps = 0) => authenticatorCode(secret, clock.now() + steps * stepMs);
  await answerOf(await who.call("PATCH", "/v3/me", { twoFactorEnabled: true, twoFactorCode: code() }));
  return { ...who, secret, code };
}

/** Ten new recovery codes. */
export async function recoveryCodesOf(who: LoggedIn, proof: object = {}): Promise<string[]> {
  const { recoveryCodes } = await answerOf(await who.call("POST", "/v3/me/2fa-recovery-codes", proof));
  if (!Array.isArray(recoveryCodes)) throw new Error("no recovery codes in the answer");
  return recoveryCodes.map(String);
}

/** What a login was answered: `200`, or the code of its refusal. */
export async function loginOutcome(client: Client, email: string, fields: object = {}): Promise<string> {
  const { status, body } = await client.login({ accountId: account.id, email, password, ...fields });
  return status === 200 ? "200" : String(body["code"]);
}
