/**
 * Logs as JSON on stderr; traces and metrics to an OTLP collector, if the environment names one.
 */
import * as Transport from "@hb-sessions/app-kit/Transport"
import * as Effect from "effect/Effect"
import * as HttpBody from "effect/http/HttpBody"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as OtlpMetrics from "effect/observability/OtlpMetrics"
import * as OtlpSerialization from "effect/observability/OtlpSerialization"
import * as OtlpTracer from "effect/observability/OtlpTracer"
import * as Secrets from "../upstream/KeyRedaction.ts"
import { KnownKeys } from "../upstream/KnownKeys.ts"

/** Whatever a failure quotes, the key does not leave: neither in a line of the log nor in a span. */
const layerLog = (secrets: Secrets.Secrets) =>
  Logger.layer([Logger.withConsoleError(Logger.map(Logger.formatJson, secrets.hideInJson))])

const layerSerialization = (secrets: Secrets.Secrets) =>
  Layer.effect(
    OtlpSerialization.OtlpSerialization,
    Effect.map(OtlpSerialization.OtlpSerialization, (json) => {
      const hidden = (body: HttpBody.HttpBody) =>
        body._tag === "Uint8Array"
          ? HttpBody.text(secrets.hideInJson(new TextDecoder().decode(body.body)), body.contentType)
          : body
      return {
        traces: (data) => hidden(json.traces(data)),
        metrics: (data) => hidden(json.metrics(data)),
        logs: (data) => hidden(json.logs(data))
      }
    })
  ).pipe(Layer.provide(OtlpSerialization.layerJson))

/**
 * The telemetry of `serve`.
 *
 * **Details**
 *
 * `OTEL_TRACES_EXPORTER=otlp` and `OTEL_METRICS_EXPORTER=otlp` switch them on, `OTEL_EXPORTER_OTLP_ENDPOINT` says where
 * they go; the other variables of OpenTelemetry apply too.
 */
export const layer = (version: string) =>
  Layer.unwrap(
    KnownKeys.useSync(({ all }) => {
      const secrets = Secrets.make(all)
      const resource = { serviceName: "hb-sessions-proxy", serviceVersion: version }
      return Layer.mergeAll(
        layerLog(secrets),
        Layer.mergeAll(OtlpTracer.layerFromConfig({ resource }), OtlpMetrics.layerFromConfig({ resource })).pipe(
          Layer.provide(layerSerialization(secrets)),
          Layer.provide(Transport.layer)
        )
      )
    })
  )
