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
};

/** Sets a user's password and ends all of its sessions but `keepSession`. A lock after failed logins stays. Throws WEAK_PASSWORD. */
export async function setPassword(
  deps: UserDeps,
  { user, password, actor, from = noRequest, keepSession = null }: NewPassword,
): Promise<void> {
  checkNewPassword(password, user, deps.passwordMinLength);
  const passwordHash = await hashPassword(password, deps.hash);
  const now = deps.clock.now();
  await deps.store.changePassword(
    { userId: user.id, passwordHash, keepSession, now },
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
}
