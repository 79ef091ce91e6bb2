import { beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { connect, type SecureVersion } from "node:tls";
import { atEnd, binary, type StartedBinary, startBinary, temporaryFolder } from "../support/postern.ts";
import { startReceiver } from "../support/receiver.ts";
import { refusalOf } from "../support/refusal.ts";
import { account, importRecords, password, seededFolder, user, webhook } from "../support/seed.ts";
import { partOf, tokensOf } from "../support/tokens.ts";

const certificates = join(import.meta.dir, "../support/certificates");
const tlsSettings = {
  POSTERN_TLS_CERT: join(certificates, "alpha.pem"),
  POSTERN_TLS_KEY: join(certificates, "alpha.key"),
};
const authority = readFileSync(join(certificates, "ca.pem"), "utf8");

describe("over TLS", () => {
  let postern: StartedBinary;

  beforeAll(async () => {
    postern = await startBinary({ dataDir: await seededFolder([user("ada")]), settings: tlsSettings });
  });

  /** Sends a request over one version of TLS, judged by the authority; answers the version and what came back. */
  function speak(
    version: SecureVersion,
    request: string,
  ): Promise<{ protocol: string | null; answer: string }> {
    return new Promise((resolve, reject) => {
      const socket = connect({
        host: "127.0.0.1",
        port: Number(new URL(postern.url).port),
        servername: "alpha.test",
        ca: authority,
        minVersion: version,
        maxVersion: version,
      });
      let answer = "";
      socket.setEncoding("utf8");
      socket.on("secureConnect", () => socket.write(request));
      socket.on("data", (text) => {
        answer += text;
      });
      socket.on("error", reject);
      socket.on("end", () => resolve({ protocol: socket.getProtocol(), answer }));
    });
  }

  const login = JSON.stringify({ accountId: account.id, email: "ada@example.com", password });
  const request = [
    "POST /v3/accounts/login HTTP/1.1",
    "host: alpha.test",
    "content-type: application/json",
    `x-account-id: ${account.id}`,
    `content-length: ${login.length}`,
    "connection: close",
    "",
    login,
  ].join("\r\n");

  test.each(["TLSv1.2", "TLSv1.3"] as const)("a desktop client logs in by %s", async (version) => {
    const { protocol, answer } = await speak(version, request);
    expect(protocol).toBe(version);
    expect(answer).toStartWith("HTTP/1.1 200 OK");
    expect(answer).toContain('"refreshToken":"ptr_');
  });

  test.each(["TLSv1", "TLSv1.1"] as const)("%s is refused", async (version) => {
    expect(await refusalOf(speak(version, request))).toBeInstanceOf(Error);
  });

  test("tokens name the https URL as their issuer", async () => {
    expect(postern.url).toStartWith("https://");
    const response = await postern.post("/v3/accounts/login", { email: "ada@example.com", password });
    expect(partOf((await tokensOf(response)).accessToken, 1)["iss"]).toBe(postern.url);
  });

  test("plain HTTP gets no answer that looks like one", async () => {
    const plain = postern.url.replace("https:", "http:");
    expect(await refusalOf(fetch(`${plain}/health`))).toBeInstanceOf(Error);
  });
});

describe("a certificate that cannot be used", () => {
  async function refusal(settings: Record<string, string>): Promise<string> {
    const child = Bun.spawn([binary, "serve"], {
      env: { POSTERN_DATA_DIR: temporaryFolder(), POSTERN_LISTEN: "127.0.0.1:0", ...settings },
      stdout: "ignore",
      stderr: "pipe",
    });
    const said = await new Response(child.stderr).text();
    expect(await child.exited).toBe(1);
    return said;
  }

  test.each([
    ["is not there", { ...tlsSettings, POSTERN_TLS_CERT: "/nowhere/tls.pem" }, "POSTERN_TLS_CERT"],
    [
      "has a key that is not there",
      { ...tlsSettings, POSTERN_TLS_KEY: "/nowhere/tls.key" },
      "POSTERN_TLS_KEY",
    ],
    ["has no key", { POSTERN_TLS_CERT: tlsSettings.POSTERN_TLS_CERT }, "POSTERN_TLS_KEY"],
    [
      "has another's key",
      { ...tlsSettings, POSTERN_TLS_KEY: join(certificates, "beta.key") },
      "POSTERN_TLS_",
    ],
    ["is none", { ...tlsSettings, POSTERN_TLS_CERT: join(certificates, "README.md") }, "POSTERN_TLS_CERT"],
  ])("stops the start when it %s, in a line that names the setting", async (_, settings, named) => {
    const said = await refusal(settings);
    expect(said).toContain(named);
    expect(said).not.toContain("PRIVATE KEY");
    expect(said).not.toMatch(/^\s+at /m);
  });
});

test("a server with TLS tells its webhooks as any other", async () => {
  const receiver = await startReceiver();
  atEnd(() => receiver.close());
  const settings = { ...tlsSettings, POSTERN_WEBHOOK_ALLOW_NETWORKS: "127.0.0.0/8" };
  const dataDir = await seededFolder([user("ada")]);
  await importRecords(dataDir, [webhook(receiver.url, "token")], undefined, settings);
  const postern = await startBinary({ dataDir, settings });
  expect((await postern.login({ email: "ada@example.com", password })).status).toBe(200);
  expect(JSON.parse((await receiver.next()).body.toString()).event).toBe("account.logged-in");
});
