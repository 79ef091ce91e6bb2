import { describe, expect, test } from "bun:test";
import { type AccessToken, mostAccessTokensOfAUser } from "../../src/features/access-tokens/model.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { audit, freshId, makeAccount, makeUser, now, type OpenStorage } from "./contract.ts";
import { readyOf } from "./login-ready.ts";

/** What personal access tokens ask of storage. */
export function accessTokenContract(open: OpenStorage): void {
  const openReady = readyOf(open);

  describe("a personal access token", () => {
    test("is listed and found without its hash, speaks for its user, and is recorded", async () => {
      await using ready = await openReady();
      const { account, user, storage } = ready;
      const { tokenHash, ...token } = await makeToken(storage, { accountId: account.id, userId: user.id });
      const page = { afterId: "", limit: 10 };
      expect(await storage.accessTokens.listAccessTokens(account.id, page)).toEqual([token]);
      expect(await storage.accessTokens.findAccessToken(token.id)).toEqual(token);
      expect(await storage.accessTokens.findBearer(tokenHash, now)).toMatchObject({
        id: token.id,
        userId: user.id,
        scopes: token.scopes,
      });
      expect((await ready.auditLog(account.id)).at(-1)).toMatchObject({ action: "access-token.created" });
    });

    test("that was revoked speaks for nobody; revoking it again says that there is none", async () => {
      await using ready = await openReady();
      const { account, user, storage } = ready;
      const token = await makeToken(storage, { accountId: account.id, userId: user.id });
      const target = { accountId: account.id, kind: "access-token", id: token.id } as const;
      const revoke = () =>
        storage.accessTokens.revokeAccessToken(token.id, audit("access-token.revoked", target));
      expect([await revoke(), await revoke()]).toEqual([true, false]);
      expect(await storage.accessTokens.findBearer(token.tokenHash, now)).toBeUndefined();
      expect(await storage.accessTokens.findAccessToken(token.id)).toBeUndefined();
      const revocations = (await ready.auditLog(account.id)).filter(
        ({ action }) => action === "access-token.revoked",
      );
      expect(revocations).toHaveLength(1);
    });

    test("is one of at most a hundred of its user, of which expired ones do not count", async () => {
      await using ready = await openReady();
      const { account, user, storage } = ready;
      const own = { accountId: account.id, userId: user.id };
      const expiring = await makeToken(storage, { ...own, expiresAt: now + 1_000 });
      for (let count = 1; count < mostAccessTokensOfAUser; count += 1) await makeToken(storage, own);
      await expect(makeToken(storage, { ...own, createdAt: now + 999 })).rejects.toMatchObject({
        code: "CONFLICT",
      });
      const other = await makeUser(storage, { accountId: account.id });
      await makeToken(storage, { ...own, userId: other.id });
      await makeToken(storage, { ...own, createdAt: now + 1_000 });
      expect(await storage.accessTokens.findAccessToken(expiring.id)).toBeUndefined();
    });
  });

  test("the access tokens of an account are listed a page at a time, without another's", async () => {
    await using ready = await openReady();
    const { account, user, storage } = ready;
    const other = await makeAccount(storage);
    const stranger = await makeUser(storage, { accountId: other.id });
    for (const id of ["t-3", "t-1", "t-2"]) {
      await makeToken(storage, { id, accountId: account.id, userId: user.id });
    }
    await makeToken(storage, { id: "t-0", accountId: other.id, userId: stranger.id });
    const page = async (afterId: string) => {
      const tokens = await storage.accessTokens.listAccessTokens(account.id, { afterId, limit: 2 });
      return tokens.map(({ id }) => id);
    };
    expect([await page(""), await page("t-2"), await page("t-3")]).toEqual([["t-1", "t-2"], ["t-3"], []]);
  });
}

type KeptToken = AccessToken & { tokenHash: string };

async function makeToken(
  storage: Storage,
  given: Partial<KeptToken> & { accountId: string; userId: string },
): Promise<KeptToken> {
  const id = given.id ?? freshId();
  const token: KeptToken = {
    id,
    name: "ci",
    scopes: ["users:read"],
    createdAt: now,
    expiresAt: null,
    lastUsedAt: null,
    tokenHash: `hash of ${id}`,
    ...given,
  };
  const target = { accountId: token.accountId, kind: "access-token", id } as const;
  await storage.accessTokens.createAccessToken(token, audit("access-token.created", target));
  return token;
}
