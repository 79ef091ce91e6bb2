import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { tokenBinding } from "../../src/features/webhooks/token.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { freshId, secrets } from "../storage/contract.ts";
import { codeBlocks, markedCode, readDocument, section } from "../support/documents.ts";
import { fakeClock } from "../support/fake-clock.ts";
import { startOutbox } from "../support/outbox.ts";
import { atEnd, temporaryFolder } from "../support/postern.ts";
import { type Received, startReceiver } from "../support/receiver.ts";
import { standardSchedule } from "../support/standard-schedule.ts";
import { modulesOf } from "../support/verifiers.ts";

const document = await readDocument("docs/webhooks.md");

/** A delivery as it arrives, in one of the formats. */
async function delivery(signatureFormat: "cryptlex" | "standard", token: string): Promise<Received> {
  const receiver = await startReceiver();
  atEnd(receiver.close);
  const outbox = await startOutbox({ clock: fakeClock(systemClock.now()) });
  const id = freshId();
  const sealedToken = secrets.seal(token, tokenBinding(id));
  await outbox.addWebhook(receiver.url, { id, signatureFormat, sealedToken });
  await outbox.login();
  return receiver.next();
}

/** What one of the document's programs exports. */
async function program(name: string) {
  const folder = temporaryFolder();
  modulesOf(folder);
  await Bun.write(join(folder, name), markedCode(document, name));
  return import(join(folder, name));
}

describe("docs/webhooks.md's", () => {
  test("program for the format cryptlex accepts a delivery, and nothing that differs from it", async () => {
    const token = "a token, its é too";
    const { body, headers } = await delivery("cryptlex", token);
    const { isGenuine } = await program("genuine.ts");
    const signature = headers.get("webhook-signature");
    expect(isGenuine(token, body, signature)).toBe(true);
    expect(isGenuine("another", body, signature)).toBe(false);
    expect(isGenuine(token, Buffer.concat([body, Buffer.from(" ")]), signature)).toBe(false);
    for (const wrong of ["", "garbage", Buffer.alloc(32).toString("base64")])
      expect(isGenuine(token, body, wrong)).toBe(false);
  });

  test("program for the format standard returns the event, and throws for anything else", async () => {
    const token = `whsec_${Buffer.alloc(32, 3).toString("base64")}`;
    const { body, headers } = await delivery("standard", token);
    const { verified } = await program("standard.ts");
    expect(verified(token, body.toString(), headers)).toMatchObject({ event: "account.logged-in" });
    expect(() => verified(token, `${body} `, headers)).toThrow();
    expect(() =>
      verified(`whsec_${Buffer.alloc(32).toString("base64")}`, body.toString(), headers),
    ).toThrow();
  });

  test("schedule is the one that deliveries are tried by", () => {
    const row = /^\| after \| – \|(.*)\|$/m.exec(section(document, "## When it fails"))?.[1] ?? "";
    const unit: Record<string, number> = { s: 1_000, min: 60_000, h: 3_600_000 };
    const waits = row
      .split("|")
      .map((cell) => cell.trim().split(" "))
      .map(([count, name = ""]) => Number(count) * (unit[name] ?? Number.NaN));
    expect([0, ...waits]).toEqual([...standardSchedule]);
  });

  test("example has the keys that a payload has", async () => {
    const contract = await Bun.file(join(import.meta.dir, "../support/account.logged-in.json")).json();
    const [example = ""] = codeBlocks(document, "json");
    const shown = JSON.parse(example);
    expect(Object.keys(shown)).toEqual(Object.keys(contract));
    expect(Object.keys(shown.data)).toEqual(Object.keys(contract.data));
    expect(Object.keys(shown.data.organization)).toEqual(Object.keys(contract.data.organization));
  });
});
