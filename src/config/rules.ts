import { formatDuration } from "../lib/duration.ts";
import type { ReadSettings } from "./reading.ts";
import { type SettingName, settings } from "./settings.ts";

/**
 * OWASP's Password Storage Cheat Sheet: combinations of memory (KiB) and passes for Argon2id that are equally strong,
 * one of which is the least to use.
 */
const owaspFloor = [
  [47_104, 1],
  [19_456, 2],
  [12_288, 3],
  [9_216, 4],
  [7_168, 5],
] as const;

/** How long a session may stay unused: an unset value gives way to a shorter session. In milliseconds. */
export function refreshTokenIdleOf({ values, given }: ReadSettings): number {
  return given.has("refreshTokenIdle")
    ? values.refreshTokenIdle
    : Math.min(values.refreshTokenIdle, values.sessionTtl);
}

/** The faults of settings that are fine each, and not together. */
export function contradictions(read: ReadSettings): string[] {
  return [...tlsFaults(read), ...lifetimeFaults(read), ...listenFaults(read)];
}

function tlsFaults({ values: { tlsCert, tlsKey }, label }: ReadSettings): string[] {
  if ((tlsCert === undefined) === (tlsKey === undefined)) return [];
  const [set, missing]: [SettingName, SettingName] =
    tlsKey === undefined ? ["tlsCert", "tlsKey"] : ["tlsKey", "tlsCert"];
  return [
    `${label(missing)} must be set too, since ${label(set)} is; for example ${settings[missing].notes.example}`,
  ];
}

function lifetimeFaults(read: ReadSettings): string[] {
  const { values, label } = read;
  const idle = refreshTokenIdleOf(read);
  const accessToken = formatDuration(values.accessTokenTtl);
  if (idle > values.sessionTtl) {
    const session = formatDuration(values.sessionTtl);
    return [
      `${label("refreshTokenIdle")} must be at most ${label("sessionTtl")}, which is ${session}; for example ${session}`,
    ];
  }
  if (idle >= values.accessTokenTtl) return [];
  const short = values.sessionTtl < values.accessTokenTtl ? "sessionTtl" : "refreshTokenIdle";
  return [
    `${label(short)} must be at least ${label("accessTokenTtl")}, which is ${accessToken}, or sessions end before their first refresh; for example ${accessToken}`,
  ];
}

function listenFaults({ values: { listen, metricsListen }, label }: ReadSettings): string[] {
  const same = metricsListen?.port === listen.port && metricsListen.host === listen.host && listen.port !== 0;
  if (!same) return [];
  return [
    `${label("metricsListen")} must be another address than ${label("listen")}; for example ${settings.metricsListen.notes.example}`,
  ];
}

/** What works and is worth a second thought. */
export function doubts({ values, label }: ReadSettings): string[] {
  const { hashMemoryKib, hashIterations, trustedProxies, listen, publicUrl } = values;
  const doubts: string[] = [];
  if (!owaspFloor.some(([memory, passes]) => hashMemoryKib >= memory && hashIterations >= passes))
    doubts.push(
      `${label("hashMemoryKib")} ${hashMemoryKib} with ${label("hashIterations")} ${hashIterations} is below OWASP's floor for passwords, 19456 with 2: only for tests`,
    );
  if (trustedProxies.some(({ range: [, bits] }) => bits === 0))
    doubts.push(
      `${label("trustedProxies")} trusts every address: a client can claim any address as its own, and limits by address hold nobody`,
    );
  if (publicUrl === undefined && ["0.0.0.0", "::"].includes(listen.host))
    doubts.push(
      `${label("publicUrl")} is not set, so tokens name ${listen.host} as their issuer: set it to the URL that clients use`,
    );
  return doubts;
}
