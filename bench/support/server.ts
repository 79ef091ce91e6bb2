import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openForCommand, type Services } from "../../src/compose.ts";
import { readConfig } from "../../src/config/config.ts";
import { createAccount } from "../../src/features/accounts/create.ts";
import { type AuditEntry, noRequest } from "../../src/features/audit/model.ts";
import { createWebhook } from "../../src/features/webhooks/create.ts";
import { newId } from "../../src/lib/ids.ts";
import { hashPassword } from "../../src/lib/passwords.ts";

/** The compiled program: what people run is what is measured. Made by `bun run build`. */
export const binary = join(import.meta.dir, "../../dist/postern");

export const password = "correct horse battery staple";
export const accountAlias = "bench";

/** The settings that programs and commands of a bench share; everything else is as it comes. */
export type Settings = Record<string, string>;

export type BenchFolder = { dataDir: string; settings: Settings; remove(): void };

/** A data folder with one account, users `user-0@example.com` and so on, all with one password, and a webhook where `receiver` names one. */
export async function makeFolder(given: {
  users: number;
  receiver?: string;
  settings?: Settings;
}): Promise<BenchFolder> {
  const dataDir = mkdtempSync(join(tmpdir(), "postern-bench-"));
  const settings = {
    POSTERN_DATA_DIR: dataDir,
    POSTERN_LISTEN: "127.0.0.1:0",
    POSTERN_WEBHOOK_ALLOW_NETWORKS: "127.0.0.0/8",
    POSTERN_LOG_FORMAT: "json",
    ...given.settings,
  };
  const { config } = readConfig({ flags: {}, environment: settings, defaultConcurrency: 1 });
  const services = await openForCommand(config, { create: true });
  const { account } = await createAccount(
    { ...services, store: services.storage.accounts },
    { alias: accountAlias, company: "", actor: "operator" },
  );
  await addUsers(services, account.id, given.users);
  if (given.receiver !== undefined) {
    await createWebhook(
      { ...services, store: services.storage.webhooks, checkUrl: () => {} },
      {
        accountId: account.id,
        name: "bench",
        url: given.receiver,
        events: ["account.logged-in"],
        actor: "operator",
      },
    );
  }
  await services.close();
  return { dataDir, settings, remove: () => rmSync(dataDir, { recursive: true, force: true }) };
}

export function emailOf(number: number): string {
  return `user-${number}@example.com`;
}

/** Users with one hash between them: made once, so that thousands take no minutes. */
async function addUsers({ storage, config, clock, random }: Services, accountId: string, count: number) {
  const passwordHash = await hashPassword(password, config.hash);
  const now = clock.now();
  const addUser = (number: number) => {
    const id = newId(random, now);
    const audit: AuditEntry = {
      id: newId(random, now),
      accountId,
      at: now,
      action: "user.created",
      actor: "operator",
      target: { kind: "user", id },
      from: noRequest,
      details: {},
    };
    const name = { firstName: "Bench", lastName: String(number), company: "" };
    return storage.users.createUser(
      { id, accountId, email: emailOf(number), ...name, role: "user", passwordHash, createdAt: now },
      audit,
    );
  };
  await Promise.all(Array.from({ length: count }, (_, number) => addUser(number)));
}

export type BenchServer = { url: string; port: number; pid: number; stop(): Promise<void> };

/** Starts the program and resolves when it listens. */
export async function startServer({ settings }: BenchFolder): Promise<BenchServer> {
  const child = Bun.spawn([binary, "serve"], { env: settings, stdout: "ignore", stderr: "pipe" });
  const url = await listeningUrl(child.stderr);
  return {
    url,
    port: Number(new URL(url).port),
    pid: child.pid,
    async stop() {
      child.kill();
      await child.exited;
    },
  };
}

/** The address in the line that says so. What comes after is read too, so that the server never waits for its log to be taken. */
async function listeningUrl(log: ReadableStream<Uint8Array>): Promise<string> {
  const found = Promise.withResolvers<string>();
  void (async () => {
    let printed = "";
    const decoder = new TextDecoder();
    for await (const chunk of log) {
      if (printed === "-") continue;
      printed += decoder.decode(chunk, { stream: true });
      const url = /"message":"listening","url":"([^"]+)"/.exec(printed)?.[1];
      if (url === undefined) continue;
      found.resolve(url);
      printed = "-";
    }
    found.reject(new Error(`the server ended: ${printed}`));
  })();
  return found.promise;
}
