import { ApiError } from "../../lib/errors.ts";
import { newId } from "../../lib/ids.ts";
import { noRequest } from "../audit/model.ts";
import type { AccessTokenDeps } from "./create.ts";
import type { AccessToken } from "./model.ts";

/** Revokes a personal access token at once. Returns what it was. Throws NOT_FOUND when there is none. */
export async function revokeAccessToken(
  { store, clock, random }: AccessTokenDeps,
  tokenId: string,
): Promise<AccessToken> {
  const token = await store.findAccessToken(tokenId);
  const now = clock.now();
  const revoked =
    token !== undefined &&
    (await store.revokeAccessToken(tokenId, {
      id: newId(random, now),
      accountId: token.accountId,
      at: now,
      action: "access-token.revoked",
      actor: "operator",
      target: { kind: "access-token", id: tokenId },
      from: noRequest,
      details: { userId: token.userId },
    }));
  if (!revoked) throw new ApiError("NOT_FOUND", "There is no access token with this id.");
  return token;
}
