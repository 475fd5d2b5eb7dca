/**
 * Logs as JSON on stderr; traces and metrics to an OTLP collector, if the environment names one.
 */
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as OtlpMetrics from "effect/observability/OtlpMetrics"
import * as OtlpSerialization from "effect/observability/OtlpSerialization"
import * as OtlpTracer from "effect/observability/OtlpTracer"
import * as Transport from "@hb-sessions/app-kit/Transport"

const layerLog = Logger.layer([Logger.withConsoleError(Logger.formatJson)])

/**
 * The telemetry of `serve`.
 *
 * **Details**
 *
 * `OTEL_TRACES_EXPORTER=otlp` and `OTEL_METRICS_EXPORTER=otlp` switch them on, `OTEL_EXPORTER_OTLP_ENDPOINT` says where
 * they go; the other variables of OpenTelemetry apply too.
 */
export const layer = (version: string) => {
  const resource = { serviceName: "hb-sessions-proxy", serviceVersion: version }
  return Layer.mergeAll(
    layerLog,
    Layer.mergeAll(OtlpTracer.layerFromConfig({ resource }), OtlpMetrics.layerFromConfig({ resource })).pipe(
      Layer.provide(OtlpSerialization.layerJson),
      Layer.provide(Transport.layer)
    )
  )
}
