import type { Config } from "../../src/config/config.ts";

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** One setting: how its value is read from the configuration, and which texts it takes and refuses. */
export type SettingCase = {
  /** Whatever this setting needs beside it. */
  with?: Record<string, string>;
  value(config: Config): unknown;
  fallback: unknown;
  good: Record<string, unknown>;
  bad: string[];
};

const addresses = {
  good: {
    "127.0.0.1:8081": { host: "127.0.0.1", port: 8081 },
    "0.0.0.0:0": { host: "0.0.0.0", port: 0 },
    "[::1]:65535": { host: "::1", port: 65_535 },
    "localhost:80": { host: "localhost", port: 80 },
    "login_service.internal:80": { host: "login_service.internal", port: 80 },
  },
  bad: [
    ":8080",
    "8080",
    "127.0.0.1",
    "127.0.0.1:65536",
    "127.0.0.1:-1",
    "127.0.0.1:80a",
    "::1:8080",
    "[::1]",
    "[127.0.0.1]:80",
    "[fe80::1%eth0]:80",
    "127.0.0.1%1:80",
    "256.0.0.1:80",
    "10.0.0:80",
    "010.0.0.1:80",
    "0x7f.1:80",
    "*:80",
    "-a:80",
    "http://127.0.0.1:80",
    "a b:80",
  ],
};

const paths = {
  bad: ["/a\nb", "/a\0b", `/${"a".repeat(4_096)}`, "abcdefghijklmnopqrstuvwxyz0123456789ABCDEF_"],
};

const networks = {
  good: {
    "10.0.0.0/8": ["10.0.0.0/8"],
    "10.0.0.0/8, fd00::/8,192.0.2.1": ["10.0.0.0/8", "fd00::/8", "192.0.2.1"],
    none: [],
    [new Array(500).fill("::1").join()]: new Array(500).fill("::1"),
  },
  bad: [
    "10.0.0.0/33",
    "fd00::/129",
    "10/8",
    "010.0.0.0/8",
    "10.0.0.0/08",
    "10.0.0.0/8,",
    "10.0.0.0/8;fd00::/8",
    "example.com",
    new Array(501).fill("::1").join(),
  ],
};

const texts = (list: readonly { text: string }[]) => list.map(({ text }) => text);

/** By the variable's name without POSTERN_. */
export const settingCases: Record<string, SettingCase> = {
  LISTEN: {
    value: (config) => config.listen,
    fallback: { host: "127.0.0.1", port: 8080 },
    ...addresses,
  },
  PUBLIC_URL: {
    value: (config) => config.publicUrl,
    fallback: undefined,
    good: {
      "https://login.example.com": "https://login.example.com",
      "https://Login.Example.com:443/auth//": "https://login.example.com/auth",
      "http://[::1]:8080/": "http://[::1]:8080",
      [`https://a.example/${"a".repeat(2_048 - 18)}`]: `https://a.example/${"a".repeat(2_048 - 18)}`,
    },
    bad: [
      "login.example.com",
      "ftp://example.com",
      "http:example.com",
      "https:///example.com",
      "https://user@example.com",
      "https://user:word@example.com",
      "https://example.com?",
      "https://example.com/#top",
      "https://exa mple.com",
      "https://example.com\\a",
      "https://example.com,",
      "https://*.example.com",
      `https://a.example/${"a".repeat(2_049 - 18)}`,
    ],
  },
  TLS_CERT: {
    with: { POSTERN_TLS_KEY: "/k.pem" },
    value: (config) => config.tls?.certFile,
    fallback: undefined,
    good: { "/etc/tls.crt": "/etc/tls.crt", [`/${"a".repeat(4_095)}`]: `/${"a".repeat(4_095)}` },
    ...paths,
  },
  TLS_KEY: {
    with: { POSTERN_TLS_CERT: "/c.pem" },
    value: (config) => config.tls?.keyFile,
    fallback: undefined,
    good: { "/etc/tls.key": "/etc/tls.key" },
    ...paths,
  },
  SECRET_KEY_FILE: {
    value: (config) => config.secretKeyFile.replace(/.*postern-config-\w+/, "<data>"),
    fallback: "<data>/secret.key",
    good: { "/run/secrets/key": "/run/secrets/key" },
    ...paths,
  },
  TRUSTED_PROXIES: { value: (config) => texts(config.trustedProxies), fallback: [], ...networks },
  CORS_ORIGINS: {
    value: (config) => config.corsOrigins,
    fallback: [],
    good: {
      "https://app.example.com": ["https://app.example.com"],
      "http://localhost:3000, tauri://localhost,http://[::1]:81": [
        "http://localhost:3000",
        "tauri://localhost",
        "http://[::1]:81",
      ],
      none: [],
      [new Array(100).fill("http://a").join()]: new Array(100).fill("http://a"),
    },
    bad: [
      "*",
      "https://*.example.com",
      "null",
      "https://app.example.com/",
      "https://app.example.com/a",
      "https://App.example.com",
      "https://app.example.com:443",
      "http://app.example.com:80",
      "https://user:word@app.example.com",
      "https://app.example.com?a",
      "https://app.example.com:65536",
      "tauri://Localhost",
      "app.example.com",
      "https://a,,https://b",
      new Array(101).fill("http://a").join(),
    ],
  },
  ACCESS_TOKEN_TTL: {
    value: (config) => config.accessTokenTtl,
    fallback: 15 * minute,
    good: { "60s": minute, "1m": minute, "1h": hour },
    bad: ["59s", "61m", "0s", "15", "1.5h", "-1m", "1 h", "15M", "1h30m", "999999999d"],
  },
  REFRESH_TOKEN_IDLE: {
    with: { POSTERN_SESSION_TTL: "365d", POSTERN_ACCESS_TOKEN_TTL: "1m" },
    value: (config) => config.refreshTokenIdle,
    fallback: 30 * day,
    good: { "1m": minute, "365d": 365 * day },
    bad: ["59s", "366d", "x"],
  },
  SESSION_TTL: {
    with: { POSTERN_ACCESS_TOKEN_TTL: "1m" },
    value: (config) => config.sessionTtl,
    fallback: 90 * day,
    good: { "1m": minute, "365d": 365 * day },
    bad: ["59s", "366d", "x"],
  },
  REFRESH_GRACE: {
    value: (config) => config.refreshGrace,
    fallback: 30 * second,
    good: { "0s": 0, "60s": minute, "1m": minute },
    bad: ["61s", "2m", "0"],
  },
  KEY_PUBLISH_AHEAD: {
    value: (config) => config.keyPublishAhead,
    fallback: 10 * minute,
    good: { "0s": 0, "7d": 7 * day },
    bad: ["8d", "x"],
  },
  PASSWORD_MIN_LENGTH: {
    value: (config) => config.passwordMinLength,
    fallback: 8,
    good: { "8": 8, "64": 64, "015": 15 },
    bad: ["7", "65", "15.5", "15.0", "1e1", "0x10", "+15", "-15", "15 16", "fifteen", "9".repeat(400)],
  },
  HASH_MEMORY_KIB: {
    value: (config) => config.hash.memoryKib,
    fallback: 19_456,
    good: { "8": 8, "262144": 262_144 },
    bad: ["7", "262145", "19456.5"],
  },
  HASH_ITERATIONS: {
    value: (config) => config.hash.iterations,
    fallback: 2,
    good: { "1": 1, "10": 10 },
    bad: ["0", "11", "2.5"],
  },
  HASH_CONCURRENCY: {
    value: (config) => config.hash.concurrency,
    fallback: 2,
    good: { "1": 1, "64": 64 },
    bad: ["0", "65", "cores"],
  },
  HASH_QUEUE: {
    value: (config) => config.hash.queue,
    fallback: undefined,
    good: { "1": 1, "10000": 10_000 },
    bad: ["0", "10001", "5s"],
  },
  WEBHOOK_ALLOW_NETWORKS: {
    value: (config) => texts(config.webhookAllowNetworks),
    fallback: [],
    ...networks,
  },
  WEBHOOK_SCHEDULE: {
    value: (config) => config.webhookSchedule,
    fallback: [0, 5 * second, 5 * minute, ...[0.5, 2, 5, 10, 14, 20, 24].map((hours) => hours * hour)],
    good: {
      "0s": [0],
      "0s, 1s,7d": [0, second, 7 * day],
      [`0s${",1s".repeat(49)}`]: [0, ...new Array(49).fill(second)],
    },
    bad: ["5s", "0s,0s", "0s,8d", "0s,,5s", "0s,5", "none", `0s${",1s".repeat(50)}`],
  },
  EVENT_RETENTION: {
    value: (config) => config.eventRetention,
    fallback: 30 * day,
    good: { "1h": hour, "3650d": 3_650 * day },
    bad: ["59m", "3651d", "forever"],
  },
  DEAD_LETTER_RETENTION: {
    value: (config) => config.deadLetterRetention,
    fallback: 90 * day,
    good: { "1h": hour, "3650d": 3_650 * day },
    bad: ["59m", "3651d", "forever"],
  },
  SWAGGER: {
    value: (config) => config.swagger,
    fallback: true,
    good: { on: true, off: false, true: true, false: false },
    bad: ["yes", "1", "OFF"],
  },
  LOG_LEVEL: {
    value: (config) => config.logLevel,
    fallback: "info",
    good: { debug: "debug", info: "info", warn: "warn", error: "error" },
    bad: ["trace", "INFO"],
  },
  LOG_FORMAT: {
    value: (config) => config.logFormat,
    fallback: undefined,
    good: { text: "text", json: "json" },
    bad: ["logfmt", "JSON"],
  },
  METRICS_LISTEN: {
    value: (config) => config.metricsListen,
    fallback: undefined,
    good: { ...addresses.good, off: undefined },
    bad: [...addresses.bad, "on"],
  },
};
