import { type User, userJson } from "../features/users/model.ts";

/** A user as commands show it: as the API does, with the status that operators set here. */
export function shownUserJson(user: User) {
  return { ...userJson(user), status: user.status };
}
