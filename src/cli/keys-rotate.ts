import { keyJson, keyStates, rotateSigningKey } from "../features/sessions/rotate-keys.ts";
import { type Command, dataDirOption, jsonOption } from "./command.ts";

export const keysRotate: Command = {
  name: "keys rotate",
  summary: "Makes a new key to sign access tokens with, and lets the present one go.",
  options: {
    now: {
      kind: "flag",
      help: "For emergencies: the new key signs at once, and all others are withdrawn with every token that they signed.",
    },
    ...dataDirOption,
    ...jsonOption,
  },
  notes: [
    "The new key is published for POSTERN_KEY_PUBLISH_AHEAD (10m) before it signs, so that verifiers know it in time; the old one stays published until its last token has expired. A running server notices within a second. Set it in postern.toml, which the server reads, too: it lets others keep the key set for half of that time.",
  ],
  async run({ input, output, config, open }) {
    const { keyPublishAhead } = config();
    const services = await open();
    const { storage, clock } = services;
    const withdrawOthers = input.flag("now");
    const made = await rotateSigningKey(
      { ...services, store: storage.sessions },
      { publishAhead: keyPublishAhead, withdrawOthers },
    );
    const shown = keyStates(await storage.sessions.listSigningKeys(), clock.now())
      .map(keyJson)
      .find(({ id }) => id === made.id);
    if (shown === undefined) throw new Error("the key that was just made cannot be read");
    await output.record(
      shown,
      withdrawOthers
        ? `The key ${shown.id} signs from now on; all others are withdrawn, and the access tokens that they signed are refused.`
        : `The key ${shown.id} is published, and signs from ${shown.signsFrom} on.`,
    );
    return undefined;
  },
};
