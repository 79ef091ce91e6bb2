import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { readConfig } from "../../src/config/config.ts";
import { OperatorError } from "../../src/lib/errors.ts";
import { type Given, onlyRefusalOf, readGiven, refusalOf } from "../support/read-config.ts";

const minutes = (given: Given) => readGiven(given).config.accessTokenTtl / 60_000;
const flag = (text: string) => ({ flags: { "access-token-ttl": text } });
const variable = (text: string) => ({ environment: { POSTERN_ACCESS_TOKEN_TTL: text } });
const file = (text: string) => ({ file: `access_token_ttl = "${text}"` });

describe("precedence", () => {
  test("a flag comes before a variable before a line of postern.toml before the default", () => {
    expect(minutes({ ...flag("5m"), ...variable("6m"), ...file("7m") })).toBe(5);
    expect(minutes({ ...variable("6m"), ...file("7m") })).toBe(6);
    expect(minutes({ ...flag("5m"), ...file("7m") })).toBe(5);
    expect(minutes(file("7m"))).toBe(7);
    expect(minutes({})).toBe(15);
  });

  test("an empty flag or variable leaves the word to the next source", () => {
    expect(minutes({ ...flag(""), ...variable("6m"), ...file("7m") })).toBe(6);
    expect(minutes({ ...flag(""), ...variable(""), ...file("7m") })).toBe(7);
    expect(minutes({ ...flag(" "), ...variable("\r"), ...file("") })).toBe(15);
  });

  test("white space around a value is dropped", () => {
    expect(minutes(variable(" 6m\r"))).toBe(6);
  });

  test("a wrong value that another overrides stops nothing", () => {
    expect(minutes({ ...flag("5m"), ...variable("soon"), ...file("soon") })).toBe(5);
  });

  test("the refusal of an overriding value names its own source", () => {
    expect(onlyRefusalOf({ ...flag("2h"), ...variable("6m") })).toBe(
      'POSTERN_ACCESS_TOKEN_TTL (--access-token-ttl) must be a duration from 1m to 1h, not "2h"; for example 15m',
    );
    expect(onlyRefusalOf({ ...variable("2h"), ...file("7m") })).toBe(
      'POSTERN_ACCESS_TOKEN_TTL must be a duration from 1m to 1h, not "2h"; for example 15m',
    );
  });

  test("several wrong values are told together, a line each", () => {
    const environment = { POSTERN_LISTEN: ":8080", POSTERN_HASH_QUEUE: "0", POSTERN_SWAGGER: "no" };
    const lines = refusalOf({ environment });
    expect(lines.map((line) => line.split(" ")[0])).toEqual(Object.keys(environment));
  });
});

describe("messages", () => {
  test("a refusal stays on one line and short whatever the value holds", () => {
    const line = onlyRefusalOf(variable(`a\nb\u001b[31m${"c".repeat(5_000)}`));
    expect(line).toContain("\\n");
    expect(line).not.toContain("\u001b");
    expect(line.length).toBeLessThan(250);
  });

  test.each([
    { POSTERN_PUBLIC_URL: "https://user:hunter2@example.com" },
    { POSTERN_PUBLIC_URL: "hunter2" },
    { POSTERN_CORS_ORIGINS: "https://user:hunter2@example.com" },
    { POSTERN_TLS_KEY: "-----BEGIN PRIVATE KEY-----\nhunter2\n", POSTERN_TLS_CERT: "/c" },
    { POSTERN_SECRET_KEY_FILE: "hunter2_hunter2_hunter2_hunter2_hunter2_abc" },
  ])("a refusal does not repeat what may be secret: %j", (environment) => {
    expect(onlyRefusalOf({ environment })).not.toContain("hunter2");
  });

  test("a list's refusal names the item", () => {
    const environment = { POSTERN_TRUSTED_PROXIES: "10.0.0.0/8,10.0.0.0/40" };
    expect(onlyRefusalOf({ environment })).toContain('"10.0.0.0/40"');
  });

  test("a choice's refusal names the choices", () => {
    expect(onlyRefusalOf({ environment: { POSTERN_LOG_LEVEL: "trace" } })).toContain(
      "debug, info, warn or error",
    );
  });

  test("a refused * says why", () => {
    expect(onlyRefusalOf({ environment: { POSTERN_CORS_ORIGINS: "*" } })).toContain("every site");
  });
});

describe("postern.toml", () => {
  test("takes texts, whole numbers and true or false", () => {
    const { config } = readGiven({
      file: '# a comment\r\npassword_min_length = 15\r\nhash_queue = "300"\nswagger = false\nmetrics_listen = false\n',
    });
    expect(config.passwordMinLength).toBe(15);
    expect(config.hash.queue).toBe(300);
    expect(config.swagger).toBeFalse();
    expect(config.metricsListen).toBeUndefined();
    expect(readGiven({ file: "swagger = true" }).config.swagger).toBeTrue();
  });

  test.each(["80.5", "1979-05-27", "inf", "true", "9007199254740991", "[15]", "{ a = 15 }"])(
    "refuses %s for a whole number",
    (text) => {
      const line = onlyRefusalOf({ file: `password_min_length = ${text}` });
      expect(line).toMatch(
        /^POSTERN_PASSWORD_MIN_LENGTH \(password_min_length in .+\) must be .+; for example 15$/,
      );
    },
  );

  test("refuses an array where a list is one text, and says so", () => {
    expect(onlyRefusalOf({ file: 'trusted_proxies = ["10.0.0.0/8"]' })).toContain(
      "lists are one text with commas",
    );
  });

  test.each([
    ["a line without quotes", "# first\nlisten = 127.0.0.1:8080\nswagger = true\n", 2],
    ["a word without quotes", "swagger = on", 1],
    ["a line twice", 'listen = "127.0.0.1:80"\n\nlisten = "127.0.0.1:81"\n', 3],
    [
      "an unfinished line after a text of several lines",
      'listen = """\\\n127.0.0.1:80"""\nswagger\n# end',
      3,
    ],
    ["an unfinished text", 'swagger = true\nlisten = "', 2],
  ])("with %s is refused by name and line", (_, content, lineNumber) => {
    expect(onlyRefusalOf({ file: content })).toMatch(
      new RegExp(`^/.+/postern\\.toml, line ${lineNumber}: .+`),
    );
  });

  test("is refused when it is not UTF-8 or larger than 64 KiB, and read up to that", () => {
    expect(onlyRefusalOf({ file: new Uint8Array([0x23, 0xff, 0xfe]) })).toContain(
      "postern.toml cannot be read",
    );
    const comment = (bytes: number) => `#${"x".repeat(bytes - 1)}`;
    expect(onlyRefusalOf({ file: comment(64 * 1_024 + 1) })).toContain("larger than 64 KiB");
    expect(readGiven({ file: comment(64 * 1_024) }).warnings).toEqual([]);
  });

  test("cannot move the data folder that it lies in", () => {
    expect(onlyRefusalOf({ file: 'data_dir = "/elsewhere"' })).toMatch(
      /postern\.toml: data_dir .+ POSTERN_DATA_DIR/,
    );
  });

  test("that is a folder is refused", () => {
    const dataDir = mkdtempSync(join(tmpdir(), "postern-config-"));
    try {
      mkdirSync(join(dataDir, "postern.toml"));
      const sources = { flags: {}, environment: { POSTERN_DATA_DIR: dataDir }, defaultConcurrency: 2 };
      expect(() => readConfig(sources)).toThrow(OperatorError);
    } finally {
      rmSync(dataDir, { recursive: true });
    }
  });
});

describe("paths", () => {
  const relative = "tls_cert = 'tls/crt'\ntls_key = '../key'\nsecret_key_file = '/abs/key'";

  test("in postern.toml are meant from the data folder", () => {
    const { config, dataDir } = readGiven({ file: relative });
    expect(config.tls).toEqual({ certFile: join(dataDir, "tls/crt"), keyFile: resolve(dataDir, "../key") });
    expect(config.secretKeyFile).toBe("/abs/key");
  });

  test("in flags and variables are meant from the current folder", () => {
    const { config } = readGiven({
      flags: { "tls-cert": "tls/crt" },
      environment: { POSTERN_TLS_KEY: "./key" },
      file: relative,
    });
    expect(config.tls).toEqual({ certFile: resolve("tls/crt"), keyFile: resolve("key") });
  });
});

describe("POSTERN_DATA_DIR", () => {
  const dataDirOf = (flags: Record<string, string>, environment: Record<string, string>) =>
    readConfig({ flags, environment, defaultConcurrency: 2 }).config.dataDir;

  test("is ./data, its variable or its flag, absolute in any case", () => {
    expect(existsSync("data/postern.toml")).toBeFalse();
    expect(dataDirOf({}, {})).toBe(resolve("data"));
    expect(dataDirOf({}, { POSTERN_DATA_DIR: "some/where" })).toBe(resolve("some/where"));
    expect(dataDirOf({ "data-dir": "/nowhere" }, { POSTERN_DATA_DIR: "some/where" })).toBe("/nowhere");
  });

  test("need not exist, and must not be a file", () => {
    expect(dataDirOf({ "data-dir": "/nonexistent/data" }, {})).toBe("/nonexistent/data");
    const file = join(mkdtempSync(join(tmpdir(), "postern-config-")), "file");
    writeFileSync(file, "");
    expect(() => dataDirOf({ "data-dir": file }, {})).toThrow(`${file}/postern.toml cannot be read`);
    rmSync(file);
  });

  test("that is no path is refused like any other setting", () => {
    expect(() => dataDirOf({ "data-dir": "/a\nb" }, {})).toThrow(
      /^POSTERN_DATA_DIR \(--data-dir\) must be .+; for example \/var/,
    );
  });
});

describe("unknown names", () => {
  test("a variable is a warning with the nearest setting", () => {
    const environment = {
      POSTERN_LISTN: "x",
      POSTERN_SESION_TTL: "1d",
      POSTERN_: "x",
      OTHER: "x",
      POSTERNLISTEN: "x",
    };
    const { warnings } = readGiven({ environment });
    expect(warnings).toHaveLength(3);
    expect(warnings[0]).toBe("POSTERN_LISTN is no setting: did you mean POSTERN_LISTEN?");
    expect(warnings[1]).toBe("POSTERN_SESION_TTL is no setting: did you mean POSTERN_SESSION_TTL?");
    expect(warnings[2]).toMatch(/^POSTERN_ is no setting: did you mean POSTERN_\w+\?$/);
  });

  test("an empty variable is unset, so it is no warning", () => {
    expect(readGiven({ environment: { POSTERN_LISTN: "" } }).warnings).toEqual([]);
  });

  test("a line of postern.toml is a warning with the nearest setting and the file", () => {
    const file = "hash-memory-kib = 19456\nPOSTERN_SWAGGER = 'on'\n\"a\\nb\" = 1\n[webhook]\nschedule = '0s'";
    const { warnings, config } = readGiven({ file });
    expect(warnings.map((line) => line.replace(/ in \/\S+\/postern\.toml /, " in <file> "))).toEqual([
      "hash-memory-kib in <file> is no setting: did you mean hash_memory_kib?",
      "POSTERN_SWAGGER in <file> is no setting: did you mean swagger?",
      expect.stringMatching(/^"a\\nb" in <file> is no setting: did you mean \w+\?$/),
      expect.stringMatching(/^webhook in <file> is no setting: did you mean \w+\?$/),
    ]);
    expect(config.webhookSchedule).toHaveLength(10);
  });

  test("a very long name is cut in its warning and costs no time", () => {
    const { warnings } = readGiven({ file: `${"a".repeat(60_000)} = 1` });
    expect(warnings[0]?.length).toBeLessThan(250);
  });
});
