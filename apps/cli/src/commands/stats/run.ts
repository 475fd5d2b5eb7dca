/**
 * Sums sessions up, as a chart, as JSON and as a picture.
 */
import * as SteadyTime from "@hb-sessions/app-kit/SteadyTime"
import * as Sessions from "@hb-sessions/core/Sessions"
import * as SessionsStats from "@hb-sessions/core/SessionsStats"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Api from "../../reading/Api.ts"
import { chart } from "./chart.ts"
import { groupsOf } from "./groups.ts"
import type { StatsInput } from "../stats.ts"
import { named, openOutput, print } from "../../output/print.ts"
import * as Progress from "../../output/Progress.ts"
import { Screen } from "../../output/Screen.ts"
import { painter } from "../../output/text.ts"
import { reading, select } from "../../reading/selection.ts"
import { saySummary } from "../../reading/summary.ts"

const WIDEST_CHART = 100

export const run = Effect.fn("stats")(
  function* (input: StatsInput) {
    const { matches, options } = yield* select(input)
    const svg = Option.isSome(input.svg) ? yield* openOutput(input.svg) : undefined
    const start = yield* SteadyTime.now
    const { onReport, report } = yield* Sessions.keepReport
    const sessions = Sessions.stream({ ...options, ...(yield* reading), onReport })
    const summary = yield* Progress.during(SessionsStats.summarize(Stream.filter(sessions, matches)))
    const groups = groupsOf(summary, input.by)

    if (svg !== undefined) {
      const { svgOf } = yield* Effect.promise(() => import("./svg.ts"))
      yield* svg.write(Stream.succeed(svgOf(summary, groups, input.by)))
    }
    // A picture on stdout is alone there.
    const isPrinted = Option.isSome(input.svg) && Option.isNone(named(input.svg))
    const screen = yield* Screen
    const format = isPrinted ? "none" : Option.getOrElse(input.format, () => (screen.isTerminal ? "chart" : "json"))
    if (format === "json") {
      yield* print(`${JSON.stringify({ ...summary, by: input.by, groups })}\n`)
    } else if (format === "chart") {
      const width = Math.min((yield* screen.width) ?? WIDEST_CHART, WIDEST_CHART)
      yield* print(chart(summary, groups, { by: input.by, width, paint: painter(screen.canColor) }))
    }
    yield* saySummary(yield* report, summary.sessions, Math.round((yield* SteadyTime.now) - start))
  },
  Effect.scoped,
  (effect, { concurrency, consistency, pageSize }) =>
    Effect.provide(effect, Api.layer({ concurrency, consistency, pageSize }))
)
