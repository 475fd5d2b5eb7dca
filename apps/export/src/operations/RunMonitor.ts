/**
 * Monitoring of a run: metrics for Prometheus, a heartbeat, and a time limit.
 */
import { AppError, type Failure, toAppError } from "@hb-sessions/app-kit/AppError"
import * as OutputFile from "@hb-sessions/app-kit/OutputFile"
import * as SteadyTime from "@hb-sessions/app-kit/SteadyTime"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { Destination } from "../publish/Destination.ts"
import { exitCodes } from "../exitCodes.ts"
import { stopCode } from "../signals.ts"
import { Stopping } from "../read/Stopping.ts"
import type { Published } from "../publish/publishGeneration.ts"
import type { Manifest } from "../publish/Manifest.ts"
import type { SecretUrl } from "../settings/SecretUrl.ts"
import * as Webhook from "./Webhook.ts"

/** How a run is monitored and limited. */
export interface WatchOptions {
  /** The name of this export in the metrics; the destination by default. */
  readonly name: Option.Option<string>
  readonly maxRuntime: Option.Option<Duration.Duration>
  readonly metricsFile: Option.Option<string>
  readonly heartbeatUrl: Option.Option<SecretUrl>
}

/** Runs a job and reports its outcome. A failure to report is logged and never fails the job. */
export const watch =
  (options: WatchOptions) =>
  <R>(job: Effect.Effect<Published, Failure, R>) =>
    Effect.gen(function* () {
      const started = yield* Clock.currentTimeMillis
      // The job does not wait for it, and interrupts it when it ends.
      const first = yield* Effect.forkChild(beat(options, "/start"))
      return yield* bounded(options, job).pipe(
        Effect.onExit((exit) =>
          Effect.gen(function* () {
            const code = codeOf(exit)
            yield* Fiber.interrupt(first)
            yield* writeMetrics(options, { code, started, exit })
            yield* beat(options, code === exitCodes.ok ? "" : `/${code}`)
          })
        )
      )
    })

/** The exit code that a run ends with. */
export const codeOf = (exit: Exit.Exit<unknown, Failure>): number => {
  if (Exit.isSuccess(exit)) return exitCodes.ok
  if (Cause.hasInterruptsOnly(exit.cause)) return stopCode()
  return Option.match(Cause.findErrorOption(exit.cause), {
    onNone: () => exitCodes.unexpected,
    onSome: (error) => toAppError(error).exitCode
  })
}

/** The failure of a run, without a stack trace. */
export const messageOf = (cause: Cause.Cause<Failure>): string =>
  Option.match(Cause.findErrorOption(cause), {
    onSome: (error) => toAppError(error).message,
    onNone: () => {
      const defect = Cause.squash(cause)
      return `unexpected error: ${defect instanceof Error ? defect.message : String(defect)}`
    }
  })

/** How long a run that has to stop waits for pages in flight. */
const GRACE = Duration.seconds(10)

/**
 * When the time is up, the read keeps the pages in flight, and at least one page, and stops. Whatever takes longer is
 * interrupted after the grace period.
 */
const bounded = <R>({ maxRuntime }: WatchOptions, job: Effect.Effect<Published, Failure, R>) =>
  Option.match(maxRuntime, {
    onNone: () => job,
    onSome: (limit) =>
      Effect.gen(function* () {
        const error = new AppError({
          message: `stopped after --max-runtime (${Duration.format(limit)}); the next run resumes from the checkpoint`,
          exitCode: exitCodes.stopped
        })
        const end = (yield* SteadyTime.now) + Duration.toMillis(limit)
        const when = Effect.flatMap(SteadyTime.now, (now) => Effect.sleep(Math.max(0, end - now)))
        return yield* job.pipe(
          Effect.provideService(Stopping, { when, error }),
          Effect.timeoutOrElse({ duration: Duration.sum(limit, GRACE), orElse: () => Effect.fail(error) })
        )
      })
  })

const beat = ({ heartbeatUrl }: WatchOptions, suffix: string) =>
  Option.match(heartbeatUrl, {
    onNone: () => Effect.void,
    onSome: (url) =>
      Webhook.post(url, { suffix }).pipe(
        Effect.catch(({ message }) => Effect.logWarning(`the heartbeat URL is unreachable: ${message}`))
      )
  })

interface Ended {
  readonly code: number
  readonly started: number
  readonly exit: Exit.Exit<Published, Failure>
}

const writeMetrics = (options: WatchOptions, ended: Ended) =>
  Effect.gen(function* () {
    if (Option.isNone(options.metricsFile)) return
    const destination = yield* Destination
    const manifest = Exit.isSuccess(ended.exit)
      ? Option.some(ended.exit.value.stored.manifest)
      : yield* destination.newest.pipe(
          Effect.map(Option.map((found) => found.manifest)),
          Effect.orElseSucceed(() => Option.none<Manifest>())
        )
    const now = yield* Clock.currentTimeMillis
    const file = yield* OutputFile.open(options.metricsFile.value)
    const name = Option.getOrElse(options.name, () => destination.id)
    yield* file.write(Stream.make(metricsText(name, ended, now, manifest)))
  }).pipe(
    Effect.scoped,
    Effect.catch((error) => Effect.logWarning(`the metrics could not be written: ${error.message}`))
  )

/** The metrics in Prometheus' text format; those of the data describe the published generation, of whichever run. */
const metricsText = (
  name: string,
  { code, started }: Ended,
  now: number,
  published: Option.Option<Manifest>
): string => {
  const label = `export="${name.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n")}"`
  const lines: Array<string> = []
  const gauge = (metric: string, help: string, value: number) =>
    lines.push(
      `# HELP hb_sessions_export_${metric} ${help}`,
      `# TYPE hb_sessions_export_${metric} gauge`,
      `hb_sessions_export_${metric}{${label}} ${value}`
    )
  gauge("last_run_timestamp_seconds", "Time at which the last run ended.", now / 1000)
  gauge("last_run_duration_seconds", "Duration of the last run.", Math.max(0, now - started) / 1000)
  gauge("last_run_exit_code", "Exit code of the last run; 0 is success.", code)
  // Written from the first run on, so that an alert on its age fires even if no run ever succeeded.
  const succeeded = Option.match(published, { onNone: () => 0, onSome: ({ ended }) => Date.parse(ended) / 1000 })
  gauge(
    "last_success_timestamp_seconds",
    "Time at which the published generation was finished; 0 if none is published.",
    succeeded
  )
  if (Option.isSome(published)) {
    const {
      archive,
      completeness,
      current,
      files,
      generation,
      implausibleTimes,
      quarantine,
      report,
      sessions,
      tombstones
    } = published.value
    const bytes = files.filter((file) => file.generation === generation).reduce((sum, file) => sum + file.bytes, 0)
    gauge("generation", "Number of the published generation.", generation)
    gauge("sessions", "Sessions written by the published generation.", sessions)
    gauge("current_sessions", "Distinct sessions in the whole data, without those that have left.", current)
    gauge(
      "left_sessions",
      "Sessions that left the data in the published generation.",
      tombstones.filter((file) => file.generation === generation).reduce((sum, file) => sum + file.rows, 0)
    )
    gauge("implausible_times", "Sessions of the published generation with an impossible createdAt.", implausibleTimes)
    gauge("quarantined_rows", "Rows of the last read that are not sessions.", quarantine?.rows ?? 0)
    gauge("bytes", "Bytes written by the published generation.", bytes)
    gauge("requests", "Pages requested by the published generation.", report.requests)
    gauge("proven", "1 if the last read is proven to be complete.", completeness === "proven" ? 1 : 0)
    gauge(
      "archive_proven",
      "1 if the whole data is proven to be complete since the last whole read.",
      archive.completeness === "proven" ? 1 : 0
    )
    gauge(
      "last_whole_read_timestamp_seconds",
      "Time at which the whole read ended that the proof of the whole data rests on.",
      Date.parse(archive.wholeRead.ended) / 1000
    )
  }
  return `${lines.join("\n")}\n`
}
