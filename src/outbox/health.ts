import type { WebhookHealth } from "../features/webhooks/model.ts";

const minute = 60_000;
const hour = 60 * minute;

/**
 * A webhook is suspended after this many failures in a row, if they took at least this long: a burst proves no
 * outage.
 */
const failuresToSuspend = 50;
const leastFailingToSuspend = hour;
/** ... or after this long with nothing but failures, however few. */
const longestFailing = 120 * hour;

/** A suspended webhook is probed after 5 min, then after twice as long each time, up to 4 h. */
const firstProbeWait = 5 * minute;
const longestProbeWait = 4 * hour;

/** How long a delivery may be held before it becomes dead: 30 days, in ms. */
export const longestHeld = 30 * 24 * hour;

/** What is known of how a webhook's receiver answers. Times in ms. */
export type HealthState = {
  health: WebhookHealth;
  /** Why it is not healthy, in a sentence; empty when it is. */
  healthReason: string;
  /** Failures in a row, and when the first of them was. */
  failures: number;
  failingSince: number | null;
  suspendedAt: number | null;
  /** While suspended: when the next probe goes out, and how many failed. */
  probeAt: number | null;
  probes: number;
};

export const newHealth: HealthState = {
  health: "healthy",
  healthReason: "",
  failures: 0,
  failingSince: null,
  suspendedAt: null,
  probeAt: null,
  probes: 0,
};

/** What an attempt says about the receiver. */
export type HealthEvidence =
  | { kind: "delivered" }
  /** `gone`: it answered 410, so it wants no more. `probe`: the attempt was the probe of a suspended webhook. */
  | { kind: "failed"; at: number; error: string; gone: boolean; probe: boolean };

/**
 * The health after an attempt: one success makes it healthy, a failure unhealthy, many failures or one 410 suspend
 * it.
 */
export function healthAfter(state: HealthState, evidence: HealthEvidence): HealthState {
  if (evidence.kind === "delivered") return newHealth;
  const { at, error, gone, probe } = evidence;
  const failures = state.failures + 1;
  const failingSince = state.failingSince ?? at;
  const failing = { ...state, failures, failingSince };
  if (state.health === "suspended") {
    // What was in flight when it was suspended says nothing new.
    if (!probe) return failing;
    const probes = state.probes + 1;
    return { ...failing, probes, probeAt: at + probeWait(probes) };
  }
  const reason = reasonToSuspend(failures, at - failingSince, gone);
  if (reason === undefined) return { ...failing, health: "unhealthy", healthReason: error };
  return {
    ...failing,
    health: "suspended",
    healthReason: `${reason} The last attempt: ${error}`,
    suspendedAt: at,
    probeAt: at + probeWait(0),
    probes: 0,
  };
}

function reasonToSuspend(failures: number, failingFor: number, gone: boolean): string | undefined {
  if (gone) return "The receiver answered 410 Gone: it wants no more deliveries.";
  if (failures >= failuresToSuspend && failingFor >= leastFailingToSuspend)
    return `${failures} attempts in a row failed.`;
  if (failingFor >= longestFailing) return `Every attempt failed for ${longestFailing / hour} hours.`;
  return undefined;
}

/** The wait before the next probe, in ms, after `probes` that failed. */
function probeWait(probes: number): number {
  return Math.min(firstProbeWait * 2 ** probes, longestProbeWait);
}
