import { Elysia, t } from "elysia";
import { errorAnswers } from "../http/error-answers.ts";
import { ApiError } from "../lib/errors.ts";
import { version } from "../lib/version.ts";

export type HealthDeps = {
  /** Asks the database something. Throws what it throws. */
  checkDatabase(): Promise<void>;
  /** Whether the server was told to stop: a load balancer should look elsewhere. */
  stopping(): boolean;
  /** What is wrong though requests are served, in sentences. */
  warnings(): string[];
};

const healthy = t.Object({
  status: t.Literal("ok"),
  version: t.String(),
  warnings: t.Optional(t.Array(t.String(), { description: "What is wrong though requests are served." })),
});

/**
 * `/health` and `/health/ready`: whether requests can be served; `/health/live`: whether the process answers at all.
 */
export function healthRoutes({ checkDatabase, stopping, warnings }: HealthDeps) {
  const ready = async () => {
    if (stopping()) throw new ApiError("SERVER_BUSY", "The server is stopping.", { retryAfterSeconds: 10 });
    await checkDatabase();
    const wrong = warnings();
    return { status: "ok", version, ...(wrong.length > 0 && { warnings: wrong }) } as const;
  };
  const answers = { 200: healthy, ...errorAnswers("SERVER_BUSY", "INTERNAL_ERROR") };
  const detail = (operationId: string, summary: string) => ({ operationId, summary, tags: ["Health"] });
  return new Elysia({ name: "health" })
    .get("/health", ready, { response: answers, detail: detail("health", "Whether the server is well") })
    .get("/health/ready", ready, {
      response: answers,
      detail: detail("ready", "Whether the server takes requests"),
    })
    .get("/health/live", () => ({ status: "ok", version }) as const, {
      response: { 200: healthy },
      detail: detail("live", "Whether the process answers"),
    });
}
