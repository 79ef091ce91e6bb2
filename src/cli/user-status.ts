import { setUserStatus } from "../features/users/set-status.ts";
import { type Command, dataDirOption, jsonOption, userOptions } from "./command.ts";
import { findUser } from "./find.ts";
import { shownUserJson } from "./shown-user.ts";

export const userSuspend: Command = {
  name: "user suspend",
  summary: "Suspends a user: sessions end, and no login succeeds until the user is resumed.",
  options: { ...userOptions, ...dataDirOption, ...jsonOption },
  async run({ input, output, open }) {
    const services = await open();
    const { user: found } = await findUser(services, input);
    const user = await setUserStatus({ ...services, store: services.storage.users }, found, "suspended");
    await output.record(
      shownUserJson(user),
      `The user ${user.email} is suspended, and the sessions are ended.`,
    );
    return undefined;
  },
};

export const userResume: Command = {
  name: "user resume",
  summary: "Lets a suspended user log in again.",
  options: { ...userOptions, ...dataDirOption, ...jsonOption },
  async run({ input, output, open }) {
    const services = await open();
    const { user: found } = await findUser(services, input);
    const user = await setUserStatus({ ...services, store: services.storage.users }, found, "active");
    await output.record(shownUserJson(user), `The user ${user.email} is active.`);
    return undefined;
  },
};
