import Type, { type Static } from "typebox";
import { choice, duration, onOff, optionalChoice, optionalWholeNumber, waits, wholeNumber } from "./kinds.ts";
import {
  listenAddress,
  networks,
  optionalListenAddress,
  optionalPath,
  optionalUrl,
  origins,
  path,
} from "./places.ts";

/** Where the data folder is while POSTERN_DATA_DIR is unset. */
export const defaultDataDir = "./data";

/** The most hashes at a time, on machines with more cores than that too. */
export const mostConcurrency = 64;

/**
 * Every setting of Postern, in the order of the README's table. A name such as `accessTokenTtl` is the variable
 * POSTERN_ACCESS_TOKEN_TTL, the flag --access-token-ttl and the line `access_token_ttl = …` of postern.toml.
 */
export const settings = {
  dataDir: path({
    fallback: defaultDataDir,
    meaning:
      "The folder of the database, its key and `postern.toml`, made with mode 0700 (this one is not read from `postern.toml`).",
    example: "/var/lib/postern",
  }),
  listen: listenAddress({
    fallback: "127.0.0.1:8080",
    meaning: "Where to listen, as host:port; the container image sets `0.0.0.0:8080`.",
    example: "127.0.0.1:8080",
  }),
  publicUrl: optionalUrl({
    unset: "`http://` or `https://` and the address of `POSTERN_LISTEN`",
    meaning:
      "The URL under which clients reach Postern: the issuer that its tokens name, and the beginning of its links.",
    example: "https://login.example.com",
  }),
  tlsCert: optionalPath({
    unset: "plain HTTP",
    meaning: "The PEM file of the certificate and its chain, to serve TLS 1.2 and 1.3.",
    example: "/etc/postern/tls.crt",
  }),
  tlsKey: optionalPath({
    unset: "plain HTTP",
    meaning: "The PEM file of the certificate's private key.",
    example: "/etc/postern/tls.key",
  }),
  secretKeyFile: optionalPath({
    unset: "`secret.key` in the data folder",
    meaning:
      "The file of the server key (32 bytes in base64url), made at the first start, without which the database cannot be used.",
    example: "/etc/postern/secret.key",
  }),
  trustedProxies: networks({
    meaning:
      "The networks of the proxies whose `X-Forwarded-For` header is believed, in CIDR form separated by commas.",
    example: "10.0.0.0/8,fd00::/8",
  }),
  corsOrigins: origins({
    meaning: "The origins of web pages that may call Postern from a browser, separated by commas.",
    example: "https://app.example.com,http://localhost:3000",
  }),
  accessTokenTtl: duration({
    fallback: "15m",
    from: "1m",
    to: "1h",
    meaning: "How long an access token is valid.",
    example: "15m",
  }),
  refreshTokenIdle: duration({
    fallback: "30d",
    from: "1m",
    to: "365d",
    meaning: "How long a session lives without a refresh, at most as long as `POSTERN_SESSION_TTL`.",
    example: "30d",
  }),
  sessionTtl: duration({
    fallback: "90d",
    from: "1m",
    to: "365d",
    meaning: "How long a session lives however often it is refreshed.",
    example: "90d",
  }),
  refreshGrace: duration({
    fallback: "30s",
    from: "0s",
    to: "60s",
    meaning:
      "How long a refresh token that was just used is answered with its successor again, for lost answers and second tabs.",
    example: "30s",
  }),
  keyPublishAhead: duration({
    fallback: "10m",
    from: "0s",
    to: "7d",
    meaning:
      "How long a new signing key is published before it signs, so that verifiers that cache keys know it.",
    example: "10m",
  }),
  passwordMinLength: wholeNumber({
    fallback: 8,
    from: 8,
    to: 64,
    meaning: "The fewest characters of a new password (15 are recommended).",
    example: "15",
  }),
  // RFC 9106: Argon2 takes at least 8 KiB a lane, and Bun uses one lane. The upper bounds are those of a hash that is
  // verified at all
  // (lib/password-hash.ts): a server must be able to read what it writes.
  hashMemoryKib: wholeNumber({
    fallback: 19_456,
    from: 8,
    to: 262_144,
    meaning: "The memory of one Argon2id hash, in KiB.",
    example: "19456",
  }),
  hashIterations: wholeNumber({
    fallback: 2,
    from: 1,
    to: 10,
    meaning: "The passes of one Argon2id hash over its memory.",
    example: "2",
  }),
  hashConcurrency: optionalWholeNumber({
    unset: "the number of cores",
    from: 1,
    to: mostConcurrency,
    meaning: "How many passwords are hashed at a time, each filling one core.",
    example: "2",
  }),
  hashQueue: optionalWholeNumber({
    unset: "as many as are hashed in 5 s",
    from: 1,
    to: 10_000,
    meaning: "How many logins may wait for their hash before the next is answered 503.",
    example: "300",
  }),
  webhookAllowNetworks: networks({
    meaning:
      "Networks that webhooks may reach although they are private, loopback or link-local, in CIDR form separated by commas.",
    example: "10.20.0.0/16,127.0.0.1/32",
  }),
  webhookSchedule: waits({
    fallback: "0s,5s,5m,30m,2h,5h,10h,14h,20h,24h",
    meaning:
      "The waits before each attempt to deliver an event, separated by commas, each varied by up to 20 %.",
    example: "0s,5s,5m,30m,2h",
  }),
  eventRetention: duration({
    fallback: "30d",
    from: "1h",
    to: "3650d",
    meaning: "How long delivered events are kept.",
    example: "30d",
  }),
  deadLetterRetention: duration({
    fallback: "90d",
    from: "1h",
    to: "3650d",
    meaning: "How long events that could not be delivered are kept.",
    example: "90d",
  }),
  swagger: onOff({
    fallback: true,
    meaning: "Whether `/swagger` and the OpenAPI document are served, `on` or `off`.",
    example: "off",
  }),
  logLevel: choice(["debug", "info", "warn", "error"], {
    fallback: "info",
    meaning: "The least serious entries that are logged: `debug`, `info`, `warn` or `error`.",
    example: "info",
  }),
  logFormat: optionalChoice(["text", "json"], {
    unset: "`text` on a terminal, else `json`",
    meaning: "How entries are logged: `text` for people, `json` for machines.",
    example: "json",
  }),
  metricsListen: optionalListenAddress({
    meaning: "Where to serve Prometheus' metrics at `/metrics`, as host:port, or `off`.",
    example: "127.0.0.1:9090",
  }),
};

/** The settings as one schema. */
export const settingsSchema = Type.Object(settings);

export type Settings = Static<typeof settingsSchema>;
export type SettingName = keyof typeof settings;

const isSettingName = (name: string): name is SettingName => Object.hasOwn(settings, name);

/** Every setting's name, in the order of the table. */
export const settingNames: SettingName[] = Object.keys(settings).filter(isSettingName);
