/**
 * The traces of a worker's runs, sent to an OTLP collector if the environment names one.
 */
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as OtlpSerialization from "effect/observability/OtlpSerialization"
import * as OtlpTracer from "effect/observability/OtlpTracer"
import { transport } from "../settings/transport.ts"

/** `OTEL_TRACES_EXPORTER=otlp` switches it on; the other variables of OpenTelemetry apply too. */
export const layer = (version: string, worker: string) =>
  OtlpTracer.layerFromConfig({
    resource: {
      serviceName: "hb-sessions-export",
      serviceVersion: version,
      attributes: { "service.instance.id": worker }
    }
  }).pipe(Layer.provide([OtlpSerialization.layerJson, transport]))

/** A run as a trace of its own, of which the API is told nothing. */
export const traced = <A, E, R>(account: string, run: Effect.Effect<A, E, R>) =>
  Effect.withSpan(run, "export", { root: true, attributes: { account } }).pipe(
    Effect.provideService(HttpClient.TracerPropagationEnabled, false)
  )
