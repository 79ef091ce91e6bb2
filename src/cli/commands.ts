import { accountCreate } from "./account-create.ts";
import { accountList } from "./account-list.ts";
import { accountRequireTwoFactor } from "./account-require-two-factor.ts";
import { accountResume, accountSuspend } from "./account-status.ts";
import type { Command } from "./command.ts";
import { health } from "./health.ts";
import { importCommand } from "./import.ts";
import { keysList } from "./keys-list.ts";
import { keysRotate } from "./keys-rotate.ts";
import { serve } from "./serve.ts";
import { tokenCreate } from "./token-create.ts";
import { tokenList } from "./token-list.ts";
import { tokenRevoke } from "./token-revoke.ts";
import { userCreate } from "./user-create.ts";
import { userList } from "./user-list.ts";
import { userReset2fa } from "./user-reset-2fa.ts";
import { userSetPassword } from "./user-set-password.ts";
import { userResume, userSuspend } from "./user-status.ts";
import { userUnlock } from "./user-unlock.ts";
import { webhookCreate } from "./webhook-create.ts";
import { webhookList } from "./webhook-list.ts";

/** Every command, in the order of the help. */
export const commands: readonly Command[] = [
  serve,
  accountCreate,
  accountList,
  accountSuspend,
  accountResume,
  accountRequireTwoFactor,
  userCreate,
  userList,
  userSetPassword,
  userUnlock,
  userReset2fa,
  userSuspend,
  userResume,
  webhookCreate,
  webhookList,
  tokenCreate,
  tokenList,
  tokenRevoke,
  keysList,
  keysRotate,
  importCommand,
  health,
];
