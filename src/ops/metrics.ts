import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { version } from "../lib/version.ts";

/** What metrics are read from when they are asked for. */
export type MetricSources = {
  hashingQueue(): { running: number; waiting: number; bound: number };
  deliveriesByState(): Promise<Record<string, number>>;
};

export type Metrics = {
  /** Every answer, by method and status. */
  answered(answer: { method: string; status: number; seconds: number }): void;
  /** How a login ended: `LOGGED_IN`, or the code of its error. */
  loginEnded(result: string): void;
  /** How an attempt of a delivery ended, how long it took, and how long after it was due it began. */
  attempted(attempt: { outcome: string; seconds: number; lateSeconds: number }): void;
  /** What the health of a webhook became. */
  healthChanged(change: { to: string }): void;
  /** The Prometheus text format. */
  render(): Promise<{ contentType: string; body: string }>;
};

/** From a cached read to a login at the end of a full queue (5 s). */
const requestBuckets = [0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** From a quick receiver to one that takes the whole 15 s. */
const attemptBuckets = [0.005, 0.02, 0.1, 0.5, 1, 5, 15];

/** From at once to hours behind. */
const latenessBuckets = [0.01, 0.05, 0.25, 1, 5, 30, 300, 3_600];

/**
 * Metrics that name the cause: which error, which state, how long the queue. No label has a value that a client
 * chooses.
 */
export function makeMetrics({ hashingQueue, deliveriesByState }: MetricSources): Metrics {
  const registry = new Registry();
  const registers = [registry];
  // As the library comes, it wakes an idle process a hundred times a second to measure its event loop.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 250 });
  new Gauge({
    name: "postern_build_info",
    help: "The version that runs.",
    labelNames: ["version"],
    registers,
  }).set({ version }, 1);
  const answers = new Counter({
    name: "postern_requests_total",
    help: "Requests that were answered.",
    labelNames: ["method", "status"],
    registers,
  });
  const durations = new Histogram({
    name: "postern_request_duration_seconds",
    help: "How long requests took.",
    buckets: requestBuckets,
    registers,
  });
  const logins = new Counter({
    name: "postern_logins_total",
    help: "Logins by how they ended: LOGGED_IN, or the code of the error.",
    labelNames: ["result"],
    registers,
  });
  const attempts = new Counter({
    name: "postern_delivery_attempts_total",
    help: "Attempts to deliver an event, by how they ended.",
    labelNames: ["outcome"],
    registers,
  });
  const attemptDurations = new Histogram({
    name: "postern_delivery_attempt_duration_seconds",
    help: "How long attempts to deliver took.",
    buckets: attemptBuckets,
    registers,
  });
  const lateness = new Histogram({
    name: "postern_delivery_lateness_seconds",
    help: "How long after they were due attempts began.",
    buckets: latenessBuckets,
    registers,
  });
  const healthChanges = new Counter({
    name: "postern_webhook_health_changes_total",
    help: "Changes of webhooks' health, by what it became.",
    labelNames: ["health"],
    registers,
  });
  new Gauge({
    name: "postern_hashing_queue",
    help: "Password hashes that run, that wait, and how many may wait.",
    labelNames: ["state"],
    registers,
    collect() {
      for (const [state, count] of Object.entries(hashingQueue())) this.set({ state }, count);
    },
  });
  new Gauge({
    name: "postern_deliveries",
    help: "Deliveries that are not done, by state.",
    labelNames: ["state"],
    registers,
    async collect() {
      for (const [state, count] of Object.entries(await deliveriesByState())) this.set({ state }, count);
    },
  });
  return {
    answered({ method, status, seconds }) {
      answers.inc({ method: knownMethods.has(method) ? method : "other", status });
      durations.observe(seconds);
    },
    loginEnded: (result) => logins.inc({ result }),
    attempted({ outcome, seconds, lateSeconds }) {
      attempts.inc({ outcome });
      attemptDurations.observe(seconds);
      lateness.observe(lateSeconds);
    },
    healthChanged: ({ to }) => healthChanges.inc({ health: to }),
    render: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
  };
}

const knownMethods = new Set(["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"]);
