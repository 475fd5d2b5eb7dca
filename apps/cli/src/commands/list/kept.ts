/**
 * A list whose progress a resume file keeps.
 */
import type { AppError } from "@hb-sessions/app-kit/AppError"
import type { Session } from "@hb-sessions/core/Session"
import * as Sessions from "@hb-sessions/core/Sessions"
import type { SessionsError } from "@hb-sessions/core/SessionsError"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { ListInput } from "../list.ts"
import { named } from "../../output/print.ts"
import type { Chunks } from "./Chunk.ts"
import * as ResumeFile from "./ResumeFile.ts"
import { reading, type Times } from "../../reading/selection.ts"
import { usage } from "../../settings/usage.ts"

/** The resume file, if one is named. It serves only output that keeps the rows that were written. */
export const keptOf = Effect.fnUntraced(function* (input: ListInput, format: string, times: Times) {
  if (Option.isNone(input.resumeFile)) return undefined
  if (Option.isSome(named(input.output))) {
    return yield* usage(
      "--resume-file and --output cannot be combined, since --output writes no partial file; write to stdout with >>"
    )
  }
  if (format === "json" && Option.isNone(input.jq)) {
    return yield* usage("--resume-file cannot continue a JSON document; add --format ndjson")
  }
  const { consistency, pageSize } = yield* reading
  if (consistency === "fast") {
    return yield* usage("--resume-file keeps a verified read; add --consistency verified, or use --resume")
  }
  const given: Record<string, Option.Option<string | number>> = {
    "--status": input.status.length === 0 ? Option.none() : Option.some([...input.status].toSorted().join(", ")),
    "--since": Option.map(input.since, ({ text }) => text),
    "--until": Option.map(input.until, ({ text }) => text),
    "--team": input.team,
    "--min-credits": input.minCredits,
    "--page-size": Option.fromUndefinedOr(pageSize),
    "--columns": input.columns,
    "--jq": input.jq,
    "--format": Option.isNone(input.jq) ? Option.some(format) : Option.none(),
    "--dialect": Option.some(input.dialect)
  }
  const flags: Record<string, string> = {}
  for (const [flag, value] of Object.entries(given)) if (Option.isSome(value)) flags[flag] = String(value.value)
  return yield* ResumeFile.open(input.resumeFile.value, { flags, ...times })
})

/** The sessions that are not written yet, and what the file keeps of them. */
export const keptChunks = (
  kept: ResumeFile.ResumeFile,
  options: Omit<Sessions.ReadOptions, "from">,
  keep: (sessions: ReadonlyArray<Session>) => ReadonlyArray<Session>
): Chunks => {
  const { since, until } = kept
  const times = {
    ...(since === undefined ? {} : { since: { epochMilliseconds: since } }),
    ...(until === undefined ? {} : { until: { epochMilliseconds: until } })
  }
  return Stream.unwrap(
    Effect.gen(function* () {
      const cut = yield* Deferred.make<void, AppError>()
      const chunks = Sessions.scan({
        ...options,
        ...times,
        state: kept.state,
        onRestored: ({ bytes }) => Effect.asVoid(Deferred.complete(cut, kept.restored(bytes)))
      })
      const unusable = (error: AppError | SessionsError) =>
        error._tag === "SessionsError" && error.reason._tag === "InvalidResumeToken"
          ? usage(`${kept.name} is damaged; remove it to start again`)
          : error
      return chunks.pipe(
        Stream.mapEffect(({ sessions, state }) => Effect.as(Deferred.await(cut), { sessions: keep(sessions), state })),
        Stream.mapError(unusable)
      )
    })
  )
}
