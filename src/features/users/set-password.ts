import { apiError } from "../../lib/errors.ts";
import { newId } from "../../lib/ids.ts";
import { hashPassword } from "../../lib/passwords.ts";
import { type AuditEntry, noRequest, type RequestOrigin } from "../audit/model.ts";
import type { UserDeps } from "./create.ts";
import type { User } from "./model.ts";
import { checkNewPassword } from "./password-policy.ts";

export type NewPassword = {
  user: User;
  password: string;
  actor: AuditEntry["actor"];
  from?: RequestOrigin;
  /** The session that asked for it, which goes on. */
  keepSession?: string | null;
  /** The version of the password that was proved for this. */
  provedVersion?: number;
  /** Waits for a turn among a server's hashes; at once where there is no server. */
  inTurn?<T>(work: () => Promise<T>): Promise<T>;
};

/**
 * Sets a user's password and ends all of its sessions but `keepSession`. A lock after failed logins stays. Throws
 * WEAK_PASSWORD, or INVALID_CREDENTIALS when the password that was proved has been changed meanwhile.
 */
export async function setPassword(
  deps: UserDeps,
  {
    user,
    password,
    actor,
    from = noRequest,
    keepSession = null,
    provedVersion,
    inTurn = (work) => work(),
  }: NewPassword,
): Promise<void> {
  checkNewPassword(password, user, deps.passwordMinLength);
  const passwordHash = await inTurn(() => hashPassword(password, deps.hash));
  const now = deps.clock.now();
  const changed = await deps.store.changePassword(
    { userId: user.id, passwordHash, keepSession, now, provedVersion },
    {
      id: newId(deps.random, now),
      accountId: user.accountId,
      at: now,
      action: "user.password-changed",
      actor,
      target: { kind: "user", id: user.id },
      from,
      details: {},
    },
  );
  if (!changed) throw apiError("INVALID_CREDENTIALS");
}
