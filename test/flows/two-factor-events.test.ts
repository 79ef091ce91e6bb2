import { beforeAll, expect, test } from "bun:test";
import { call, outcomeOf } from "../support/logged-in.ts";
import { atEnd, type StartedInProcess, startInProcess } from "../support/postern.ts";
import { type Receiver, startReceiver } from "../support/receiver.ts";
import { account, importRecords, password, seededFolder, user, userPool, webhook } from "../support/seed.ts";
import { stoppedClock } from "../support/stopped-clock.ts";
import { answerOf, type Enrolled, enrol, loginOutcome, recoveryCodesOf } from "../support/two-factor.ts";

const clock = stoppedClock();
const pool = userPool("noticed", 10);
const settings = { POSTERN_WEBHOOK_ALLOW_NETWORKS: "127.0.0.0/8", POSTERN_ACCESS_TOKEN_TTL: "1h" };
const events = ["two-factor.enabled", "two-factor.disabled", "two-factor.recovery-code-used"];

let postern: StartedInProcess;
let receiver: Receiver;

beforeAll(async () => {
  receiver = await startReceiver();
  atEnd(() => receiver.close());
  const dataDir = await seededFolder(pool.names.map((name) => user(name)));
  await importRecords(dataDir, [webhook(receiver.url, "token", { events })], account.id, settings);
  postern = await startInProcess({ dataDir, clock, settings });
});

const nextEvent = async () => JSON.parse((await receiver.next()).body.toString());
const profileOf = async (who: Enrolled) => answerOf(await who.call("GET", "/v3/me"));
const triggeredAt = () => new Date(clock.now()).toISOString();

test("two-factor.enabled tells the user as it is then", async () => {
  const mine = await enrol(postern, clock, pool.take());
  const event = await nextEvent();
  expect(event).toEqual({
    event: "two-factor.enabled",
    data: await profileOf(mine),
    triggeredAt: triggeredAt(),
  });
  expect(event.data.twoFactorEnabled).toBe(true);
});

test("two-factor.disabled tells the user as it is then", async () => {
  const mine = await enrol(postern, clock, pool.take());
  await nextEvent();
  expect(
    await outcomeOf(
      await mine.call("PATCH", "/v3/me", { twoFactorEnabled: false, twoFactorCode: mine.code(1) }),
    ),
  ).toBe("200");
  const event = await nextEvent();
  expect(event).toEqual({
    event: "two-factor.disabled",
    data: await profileOf(mine),
    triggeredAt: triggeredAt(),
  });
  expect(event.data.twoFactorEnabled).toBe(false);
});

test("two-factor.recovery-code-used tells how many are left, wherever one is used: nine, eight, seven", async () => {
  const mine = await enrol(postern, clock, pool.take());
  await nextEvent();
  const [first, second, third] = await recoveryCodesOf(mine);
  expect(await loginOutcome(postern, mine.email, { twoFactorRecoveryCode: first })).toBe("200");
  const user = await profileOf(mine);
  const used = (recoveryCodesLeft: number) => ({
    event: "two-factor.recovery-code-used",
    data: { user, recoveryCodesLeft },
    triggeredAt: triggeredAt(),
  });
  expect(await nextEvent()).toEqual(used(9));
  clock.move(16 * 60_000);
  expect(
    await outcomeOf(
      await mine.call("POST", "/v3/me/2fa-secret", { password, twoFactorRecoveryCode: second }),
    ),
  ).toBe("200");
  expect(await nextEvent()).toEqual(used(8));
  expect(
    await outcomeOf(
      await mine.call("PATCH", "/v3/me", { twoFactorEnabled: false, twoFactorRecoveryCode: third }),
    ),
  ).toBe("200");
  const last = [await nextEvent(), await nextEvent()];
  expect(last).toContainEqual({ ...used(7), data: { user, recoveryCodesLeft: 7 } });
  expect(last.map(({ event }) => event).toSorted()).toEqual([
    "two-factor.disabled",
    "two-factor.recovery-code-used",
  ]);
});

test("nothing is told of what was refused, begun or replaced", async () => {
  const mine = await enrol(postern, clock, pool.take());
  expect((await nextEvent()).event).toBe("two-factor.enabled");
  const before = receiver.received.length;
  await recoveryCodesOf(mine);
  await call(postern, "POST", "/v3/me/2fa-secret", { token: mine.accessToken });
  await mine.call("PATCH", "/v3/me", { twoFactorEnabled: true, twoFactorCode: "abcdef" });
  await mine.call("PATCH", "/v3/me", { twoFactorEnabled: false, twoFactorCode: "abcdef" });
  await loginOutcome(postern, mine.email, { twoFactorRecoveryCode: "wrong-code" });
  // What comes after them comes first: nothing of theirs was on its way.
  await mine.call("PATCH", "/v3/me", { twoFactorEnabled: false, twoFactorCode: mine.code(1) });
  expect((await nextEvent()).event).toBe("two-factor.disabled");
  expect(receiver.received.length).toBe(before + 1);
});
