import type { ListenAddress } from "../config/config.ts";
import { requestPath } from "../http/request-path.ts";
import { listen } from "./listen.ts";
import type { Metrics } from "./metrics.ts";

/** Metrics have an address of their own, off unless set: they are for the operator's network, not for clients. */
export function serveMetrics(address: ListenAddress | undefined, metrics: Metrics) {
  if (address === undefined) return undefined;
  return listen({
    setting: "POSTERN_METRICS_LISTEN",
    address,
    tls: undefined,
    async answer(request) {
      if (requestPath(request) !== "/metrics")
        return new Response("Metrics are at /metrics.\n", { status: 404 });
      const { contentType, body } = await metrics.render();
      return new Response(body, { headers: { "content-type": contentType } });
    },
  });
}
