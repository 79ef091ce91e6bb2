import { and, count, eq, lt, sql } from "drizzle-orm";
import type { RequestOrigin } from "../../features/audit/model.ts";
import { recoveryCodeUsedEvent } from "../../features/two-factor/events.ts";
import type { SecondFactorProof } from "../../features/two-factor/model.ts";
import type { User } from "../../features/users/model.ts";
import { auditWriter } from "./audit.ts";
import { eventWriter } from "./events.ts";
import type { Connection } from "./open.ts";
import { recoveryCodes, twoFactor } from "./schema.ts";

/**
 * Spends a second factor by one conditional statement: of two simultaneous logins with one code, one finds nothing
 * left.
 */
export function proofSpender({ db }: Connection) {
  const spendStep = db
    .update(twoFactor)
    .set({ lastAcceptedStep: sql`${sql.placeholder("step")}` })
    .where(
      and(
        eq(twoFactor.userId, sql.placeholder("userId")),
        lt(twoFactor.lastAcceptedStep, sql.placeholder("step")),
      ),
    )
    .returning({ userId: twoFactor.userId })
    .prepare();
  const spendRecoveryCode = db
    .delete(recoveryCodes)
    .where(
      and(
        eq(recoveryCodes.userId, sql.placeholder("userId")),
        eq(recoveryCodes.codeHash, sql.placeholder("hash")),
      ),
    )
    .returning({ userId: recoveryCodes.userId })
    .prepare();
  return (userId: string, proof: SecondFactorProof): boolean => {
    const spent =
      proof.kind === "code"
        ? spendStep.all({ userId, step: proof.step })
        : spendRecoveryCode.all({ userId, hash: Buffer.from(proof.hash) });
    return spent.length === 1;
  };
}

export type RecoveryCodeUse = {
  user: User;
  now: number;
  from: RequestOrigin;
  auditId: string;
  eventId: string;
};

/**
 * Tells of a recovery code that was just spent, inside the transaction that spent it: how many are left decides what
 * its user should do.
 */
export function recoveryCodeUseRecorder(connection: Connection): (use: RecoveryCodeUse) => void {
  const writeAudit = auditWriter(connection);
  const writeEvent = eventWriter(connection);
  const countLeft = connection.db
    .select({ left: count() })
    .from(recoveryCodes)
    .where(eq(recoveryCodes.userId, sql.placeholder("userId")))
    .prepare();
  return ({ user, now, from, auditId, eventId }) => {
    const left = countLeft.get({ userId: user.id })?.left ?? 0;
    const { id: userId, accountId } = user;
    writeAudit({
      id: auditId,
      accountId,
      at: now,
      action: "two-factor.recovery-code-used",
      actor: "user",
      target: { kind: "user", id: userId },
      from,
      details: { left },
    });
    const body = recoveryCodeUsedEvent(user, left, now);
    writeEvent({ id: eventId, accountId, type: "two-factor.recovery-code-used", body, now });
  };
}
