import { expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { Webhook } from "standardwebhooks";
import { systemClock } from "../../src/lib/clock.ts";
import { sign } from "../../src/outbox/sign.ts";

const body = Buffer.from('{"event":"account.logged-in","data":{"name":"Ada ☃ Lovelace"}}');
/** The library takes no time but the present. */
const message = { id: "evt_018f", timestamp: Math.floor(systemClock.now() / 1_000), body };
const token = `whsec_${Buffer.alloc(32, 1).toString("base64")}`;
const formerToken = `whsec_${Buffer.alloc(24, 2).toString("base64")}`;

function headersOf(signature: string) {
  return {
    "webhook-id": message.id,
    "webhook-timestamp": String(message.timestamp),
    "webhook-signature": signature,
  };
}

test("the format cryptlex is base64 of HMAC-SHA256 over the raw body, keyed with the token's UTF-8 bytes", () => {
  const key = "a tøken ☃ of any characters";
  const expected = createHmac("sha256", Buffer.from(key, "utf8")).update(body).digest("base64");
  expect(sign("cryptlex", [key], message)).toBe(expected);
  // RFC 4231, test case 2.
  const digest = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
  const ofVector = sign("cryptlex", ["Jefe"], {
    ...message,
    body: Buffer.from("what do ya want for nothing?"),
  });
  expect(Buffer.from(ofVector, "base64").toString("hex")).toBe(digest);
});

test("the format cryptlex covers neither id nor time, and has one signature, of the newest token", () => {
  const signature = sign("cryptlex", ["new", "former"], message);
  expect(signature).toBe(sign("cryptlex", ["new"], { id: "evt_other", timestamp: 1, body }));
  expect(signature).not.toBe(sign("cryptlex", ["former"], message));
});

test("the format standard is what the library of Standard Webhooks makes and accepts", () => {
  const webhook = new Webhook(token);
  const signature = sign("standard", [token], message);
  expect(signature).toBe(webhook.sign(message.id, new Date(message.timestamp * 1_000), body.toString()));
  expect(webhook.verify(body, headersOf(signature))).toEqual(JSON.parse(body.toString()));
});

test("the format standard is refused by the library when id, time, body or token differ", () => {
  const verify = (signature: string, changed = {}, by = token, bytes = body) =>
    new Webhook(by).verify(bytes, { ...headersOf(signature), ...changed });
  const signature = sign("standard", [token], message);
  expect(() => verify(signature, { "webhook-id": "evt_other" })).toThrow();
  expect(() => verify(signature, { "webhook-timestamp": String(message.timestamp - 1) })).toThrow();
  expect(() => verify(signature, {}, token, Buffer.from(`${body} `))).toThrow();
  expect(() => verify(signature, {}, formerToken)).toThrow();
});

test("during a rotation the format standard carries both signatures, the new one first", () => {
  const signature = sign("standard", [token, formerToken], message);
  expect(signature).toBe(`${sign("standard", [token], message)} ${sign("standard", [formerToken], message)}`);
  for (const accepted of [token, formerToken]) {
    expect(new Webhook(accepted).verify(body, headersOf(signature))).toBeObject();
  }
});
