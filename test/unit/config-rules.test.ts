import { describe, expect, test } from "bun:test";
import { publicUrlOf } from "../../src/config/config.ts";
import { onlyRefusalOf, readGiven } from "../support/read-config.ts";

const read = (environment: Record<string, string>) => readGiven({ environment });
const refusal = (environment: Record<string, string>) => onlyRefusalOf({ environment });

describe("TLS", () => {
  test("takes the certificate and the key together", () => {
    expect(read({ POSTERN_TLS_CERT: "/c", POSTERN_TLS_KEY: "/k" }).config.tls).toEqual({
      certFile: "/c",
      keyFile: "/k",
    });
  });

  test("refuses one without the other, naming the missing one", () => {
    expect(refusal({ POSTERN_TLS_CERT: "/c" })).toMatch(
      /^POSTERN_TLS_KEY .+ POSTERN_TLS_CERT is; for example \//,
    );
    expect(refusal({ POSTERN_TLS_KEY: "/k" })).toMatch(
      /^POSTERN_TLS_CERT .+ POSTERN_TLS_KEY is; for example \//,
    );
  });
});

describe("lifetimes", () => {
  test("a session may stay idle for all of its life, not longer", () => {
    const day = 86_400_000;
    const { config } = read({ POSTERN_REFRESH_TOKEN_IDLE: "7d", POSTERN_SESSION_TTL: "7d" });
    expect([config.refreshTokenIdle, config.sessionTtl]).toEqual([7 * day, 7 * day]);
    expect(refusal({ POSTERN_REFRESH_TOKEN_IDLE: "8d", POSTERN_SESSION_TTL: "7d" })).toBe(
      "POSTERN_REFRESH_TOKEN_IDLE must be at most POSTERN_SESSION_TTL, which is 7d; for example 7d",
    );
    expect(refusal({ POSTERN_REFRESH_TOKEN_IDLE: "91d" })).toContain("which is 90d");
  });

  test("a shorter session shortens the default of the idle time", () => {
    const { config } = read({ POSTERN_SESSION_TTL: "7d" });
    expect(config.refreshTokenIdle).toBe(config.sessionTtl);
  });

  test("a session outlives its first access token", () => {
    expect(read({ POSTERN_REFRESH_TOKEN_IDLE: "15m" }).config.refreshTokenIdle).toBe(900_000);
    expect(refusal({ POSTERN_REFRESH_TOKEN_IDLE: "14m" })).toMatch(
      /^POSTERN_REFRESH_TOKEN_IDLE must be at least POSTERN_ACCESS_TOKEN_TTL, which is 15m.*; for example 15m$/,
    );
    expect(read({ POSTERN_SESSION_TTL: "15m" }).config.sessionTtl).toBe(900_000);
    expect(refusal({ POSTERN_SESSION_TTL: "14m" })).toStartWith("POSTERN_SESSION_TTL must be at least");
  });
});

describe("the public URL", () => {
  const urlOf = (environment: Record<string, string>, port: number) =>
    publicUrlOf(read(environment).config, port);
  const tls = { POSTERN_TLS_CERT: "/c", POSTERN_TLS_KEY: "/k" };

  test("is what the server listens on, with the port that it got", () => {
    expect(urlOf({}, 8080)).toBe("http://127.0.0.1:8080");
    expect(urlOf({ POSTERN_LISTEN: "[::1]:0" }, 4321)).toBe("http://[::1]:4321");
    expect(urlOf({ ...tls, POSTERN_LISTEN: "Login.example.com:443" }, 443)).toBe("https://login.example.com");
    expect(urlOf({ ...tls }, 80)).toBe("https://127.0.0.1:80");
  });

  test("is the setting when there is one", () => {
    expect(urlOf({ POSTERN_PUBLIC_URL: "https://login.example.com/" }, 8080)).toBe(
      "https://login.example.com",
    );
  });
});

describe("the metrics' address", () => {
  test("is another than the server's", () => {
    expect(refusal({ POSTERN_METRICS_LISTEN: "127.0.0.1:8080" })).toMatch(
      /^POSTERN_METRICS_LISTEN must be another address than POSTERN_LISTEN; for example /,
    );
    expect(read({ POSTERN_METRICS_LISTEN: "127.0.0.1:8081" }).warnings).toEqual([]);
    expect(read({ POSTERN_METRICS_LISTEN: "[::1]:8080" }).warnings).toEqual([]);
    const systemChooses = { POSTERN_LISTEN: "127.0.0.1:0", POSTERN_METRICS_LISTEN: "127.0.0.1:0" };
    expect(read(systemChooses).warnings).toEqual([]);
  });
});

describe("warnings", () => {
  test("the defaults are without one", () => {
    expect(read({}).warnings).toEqual([]);
  });

  test.each([
    [19_455, 2],
    [19_456, 1],
    [47_103, 1],
    [12_287, 3],
    [8, 1],
  ])("hashes of %i KiB with %i passes are below OWASP's floor, and work", (memoryKib, iterations) => {
    const { config, warnings } = read({
      POSTERN_HASH_MEMORY_KIB: String(memoryKib),
      POSTERN_HASH_ITERATIONS: String(iterations),
    });
    expect(config.hash).toMatchObject({ memoryKib, iterations });
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/POSTERN_HASH_MEMORY_KIB .+ POSTERN_HASH_ITERATIONS .+ OWASP/);
  });

  test.each([
    [19_456, 2],
    [47_104, 1],
    [12_288, 3],
    [9_216, 4],
    [7_168, 5],
    [262_144, 10],
  ])("hashes of %i KiB with %i passes are not", (memoryKib, iterations) => {
    const environment = {
      POSTERN_HASH_MEMORY_KIB: String(memoryKib),
      POSTERN_HASH_ITERATIONS: String(iterations),
    };
    expect(read(environment).warnings).toEqual([]);
  });

  test("trusting every address as a proxy is one", () => {
    for (const all of ["0.0.0.0/0", "10.0.0.0/8,::/0"])
      expect(read({ POSTERN_TRUSTED_PROXIES: all }).warnings).toEqual([
        expect.stringMatching(/^POSTERN_TRUSTED_PROXIES trusts every address/),
      ]);
    expect(read({ POSTERN_TRUSTED_PROXIES: "0.0.0.0/1" }).warnings).toEqual([]);
  });

  test("listening on every network without a public URL is one", () => {
    for (const everywhere of ["0.0.0.0:8080", "[::]:8080"]) {
      const { warnings } = read({ POSTERN_LISTEN: everywhere });
      expect(warnings).toEqual([expect.stringMatching(/^POSTERN_PUBLIC_URL is not set/)]);
      const named = { POSTERN_LISTEN: everywhere, POSTERN_PUBLIC_URL: "https://login.example.com" };
      expect(read(named).warnings).toEqual([]);
    }
  });
});

test("no reading shares a list with another", () => {
  read({}).config.webhookSchedule.push(1);
  read({}).config.corsOrigins.push("https://example.com");
  expect(read({}).config.webhookSchedule).toHaveLength(10);
  expect(read({}).config.corsOrigins).toEqual([]);
});
