import { describe, expect, test } from "bun:test";
import { mostWebhooksOfAnAccount } from "../../src/features/webhooks/model.ts";
import { makeAccount, makeWebhook, now, type OpenStorage } from "./contract.ts";

/** What webhooks ask of storage, their deliveries aside. */
export function webhookContract(open: OpenStorage): void {
  describe("a new webhook", () => {
    test("is healthy, is listed without its token, and is recorded", async () => {
      await using database = await open();
      const { id: accountId } = await makeAccount(database.storage);
      const { sealedToken: _, ...webhook } = await makeWebhook(database.storage, { accountId });
      const listed = await database.storage.webhooks.listWebhooks(accountId, { afterId: "", limit: 10 });
      expect(listed).toEqual([
        { ...webhook, health: "healthy", healthReason: "", suspendedAt: null, updatedAt: now },
      ]);
      expect((await database.auditLog(accountId)).at(-1)).toMatchObject({
        action: "webhook.created",
        target: { kind: "webhook", id: webhook.id },
      });
    });

    test("is one of at most a hundred of its account; another account has its own hundred", async () => {
      await using database = await open();
      const [mine, others] = [await makeAccount(database.storage), await makeAccount(database.storage)];
      for (let count = 0; count < mostWebhooksOfAnAccount; count += 1) {
        await makeWebhook(database.storage, { accountId: mine.id });
      }
      const entries = (await database.auditLog(mine.id)).length;
      await expect(makeWebhook(database.storage, { accountId: mine.id })).rejects.toMatchObject({
        code: "CONFLICT",
      });
      expect(await database.auditLog(mine.id)).toHaveLength(entries);
      await makeWebhook(database.storage, { accountId: others.id });
    });
  });

  test("the webhooks of an account are listed in the order of ids, a page at a time, without another's", async () => {
    await using database = await open();
    const [mine, others] = [await makeAccount(database.storage), await makeAccount(database.storage)];
    for (const id of ["w-3", "w-1", "w-2"]) await makeWebhook(database.storage, { accountId: mine.id, id });
    await makeWebhook(database.storage, { accountId: others.id, id: "w-0" });
    const page = async (afterId: string) => {
      const webhooks = await database.storage.webhooks.listWebhooks(mine.id, { afterId, limit: 2 });
      return webhooks.map(({ id }) => id);
    };
    expect([await page(""), await page("w-2"), await page("w-3")]).toEqual([["w-1", "w-2"], ["w-3"], []]);
  });
}
