import type { AccessTokenStore } from "../features/access-tokens/store.ts";
import type { AccountStore } from "../features/accounts/store.ts";
import type { EnrolmentStore } from "../features/enrolment/store.ts";
import type { ImportStore } from "../features/import/store.ts";
import type { LoginStore } from "../features/login/store.ts";
import type { SessionStore } from "../features/sessions/store.ts";
import type { ClockStore } from "../features/two-factor/clock-watch.ts";
import type { UserStore } from "../features/users/store.ts";
import type { WebhookStore } from "../features/webhooks/store.ts";
import type { RetentionStore } from "../outbox/retention.ts";
import type { OutboxStore } from "../outbox/store.ts";

/** Everything that is asked of storage, by the feature that asks. A backend is one function that makes this. */
export type Storage = {
  accounts: AccountStore;
  users: UserStore;
  sessions: SessionStore;
  enrolment: EnrolmentStore;
  login: LoginStore;
  webhooks: WebhookStore;
  accessTokens: AccessTokenStore;
  imports: ImportStore;
  outbox: OutboxStore;
  clock: ClockStore;
  retention: RetentionStore;
  /** Tells, after a commit of this process, which webhooks have new deliveries. */
  onDeliveries(listener: (webhookIds: string[]) => void): void;
  /** Tells that another process committed something. */
  onForeignCommit(listener: () => void): void;
  /** Whether the database answers. Throws what the database throws. */
  check(): Promise<void>;
  /** Commits what waits and closes. Nothing may be asked afterwards. */
  close(): Promise<void>;
};
