import { OperatorError } from "../../lib/errors.ts";
import type { Random } from "../../lib/random.ts";
import { equalSecrets, type Secrets } from "../../lib/secrets.ts";
import type { Storage } from "../storage.ts";
import { accessTokenStore } from "./access-tokens.ts";
import { accountStore } from "./accounts.ts";
import { clockStore } from "./clock.ts";
import { enrolmentStore } from "./enrolment.ts";
import { importStore } from "./import.ts";
import { loginStore } from "./login.ts";
import { type Connection, type OpenOptions, openConnection } from "./open.ts";
import { outboxStore } from "./outbox.ts";
import { retentionStore } from "./retention.ts";
import { server } from "./schema.ts";
import { sessionStore } from "./sessions.ts";
import { userStore } from "./users.ts";
import { webhookStore } from "./webhooks.ts";

export type SqliteStorageOptions = OpenOptions & { secrets: Secrets; random: Random };

/**
 * Storage in one SQLite file. Throws OperatorError when the database is newer than this program, or was made with
 * another server key.
 */
export async function openSqliteStorage(options: SqliteStorageOptions): Promise<Storage> {
  const connection = await openConnection(options);
  try {
    await refuseWrongKey(connection, options);
  } catch (error) {
    await connection.close();
    throw error;
  }
  const probe = connection.db.select({ id: server.id }).from(server).prepare();
  return {
    accounts: accountStore(connection),
    users: userStore(connection),
    sessions: sessionStore(connection),
    enrolment: enrolmentStore(connection),
    login: loginStore(connection),
    webhooks: webhookStore(connection),
    accessTokens: accessTokenStore(connection),
    imports: importStore(connection),
    outbox: outboxStore(connection, options.secrets, options.random),
    retention: retentionStore(connection),
    clock: clockStore(connection),
    onDeliveries: connection.onDeliveries,
    onForeignCommit: connection.onForeignCommit,
    async check() {
      probe.get();
    },
    close: connection.close,
  };
}

/** A new database remembers its key by an HMAC; another key is refused before it could encrypt a single row. */
async function refuseWrongKey(
  connection: Connection,
  { secrets, clock }: SqliteStorageOptions,
): Promise<void> {
  const keyCheck = secrets.mac("key-check", "postern");
  const known = () => connection.db.select().from(server).get();
  if (known() === undefined) {
    await connection.write(() =>
      connection.db
        .insert(server)
        .values({ id: 1, keyCheck, createdAt: clock.now(), highestTime: clock.now() })
        .onConflictDoNothing()
        .run(),
    );
  }
  if (!equalSecrets(known()?.keyCheck ?? "", keyCheck)) {
    throw new OperatorError(
      "The server key is not the one that this database was made with: put the right key back, or name it with POSTERN_SECRET_KEY_FILE.",
    );
  }
}
