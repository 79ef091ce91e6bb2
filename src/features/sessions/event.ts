import { isoTime } from "../../lib/clock.ts";
import type { RequestOrigin } from "../audit/model.ts";
import { type User, userJson } from "../users/model.ts";
import type { Session } from "./model.ts";

/**
 * The body of `session.reuse-detected`: the session that was ended, whose it was, and from where the spent token
 * came.
 */
export function reuseDetectedEvent(
  session: Session,
  user: User,
  usedFrom: RequestOrigin,
  triggeredAt: number,
): string {
  const { id, address, userAgent, origin } = session;
  return JSON.stringify({
    event: "session.reuse-detected",
    data: {
      session: {
        id,
        createdAt: isoTime(session.createdAt),
        lastUsedAt: isoTime(session.lastUsedAt),
        address,
        userAgent,
        origin,
      },
      usedFrom: { address: usedFrom.address, userAgent: usedFrom.userAgent, origin: usedFrom.origin },
      user: userJson(user),
    },
    triggeredAt: isoTime(triggeredAt),
  });
}
