/**
 * Reads all sessions, then prints the metrics of the read in the text format of Prometheus.
 *
 * Run it with `HYPERBROWSER_API_KEY` set; `HYPERBROWSER_BASE_URL` names another server.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Sessions from "@hb-sessions/core/Sessions"
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import * as Stream from "effect/Stream"

Sessions.stream().pipe(
  Stream.runDrain,
  Effect.andThen(PrometheusMetrics.format()),
  Effect.flatMap(Console.log),
  Effect.provide(SessionsClient.layerConfig),
  NodeRuntime.runMain
)
