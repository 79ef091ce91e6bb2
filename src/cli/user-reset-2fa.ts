import { noRequest } from "../features/audit/model.ts";
import { resetTwoFactor } from "../features/enrolment/enrol.ts";
import { type Command, dataDirOption, jsonOption, userOptions } from "./command.ts";
import { findUser } from "./find.ts";
import { shownUserJson } from "./shown-user.ts";

export const userReset2fa: Command = {
  name: "user reset-2fa",
  summary: "Forgets a user's second factor and recovery codes, and ends the user's sessions.",
  options: { ...userOptions, ...dataDirOption, ...jsonOption },
  notes: [
    "For somebody who lost both. Make sure that it is the user who asks: afterwards the password alone logs in, where the account does not require two-factor authentication.",
  ],
  async run({ input, output, open }) {
    const services = await open();
    const { user } = await findUser(services, input);
    const by = { actor: "operator", from: noRequest, userId: null } as const;
    const reset = await resetTwoFactor({ ...services, store: services.storage.enrolment }, user, by);
    await output.record(
      shownUserJson(reset),
      `The second factor of ${user.email} is reset, and the user's sessions are ended.`,
    );
    return undefined;
  },
};
