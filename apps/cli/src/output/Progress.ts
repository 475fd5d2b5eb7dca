/**
 * A line on stderr that shows how far a long read is.
 */
import * as SteadyTime from "@hb-sessions/app-kit/SteadyTime"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { fstatSync } from "node:fs"
import { Traffic } from "../reading/Traffic.ts"
import { Diagnostics } from "./Diagnostics.ts"
import { count, counted, cut, duration } from "./text.ts"

/** A read that ends before this shows nothing. */
const LONG = "700 millis"
const BETWEEN = "100 millis"

/** Whether stdout is read by another program, which may be a pager and own the screen. */
const isPiped = Effect.try(() => fstatSync(1)).pipe(
  Effect.map((stdout) => stdout.isFIFO() || stdout.isSocket()),
  Effect.orElseSucceed(() => false)
)

/** Shows the progress while an effect runs, where stderr is a terminal; the line is gone afterwards. */
export const during = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  isShown = true
): Effect.Effect<A, E, R | Diagnostics | Traffic> =>
  Effect.gen(function* () {
    const diagnostics = yield* Diagnostics
    if (!isShown || !diagnostics.isLive || (yield* isPiped)) return yield* effect
    const traffic = yield* Traffic
    const start = yield* SteadyTime.now
    const show = Effect.flatMap(SteadyTime.now, (now) => diagnostics.transient(line(traffic, now - start)))
    const shown = show.pipe(Effect.repeat(Schedule.spaced(BETWEEN)), Effect.delay(LONG))
    return yield* Effect.raceFirst(effect, Effect.andThen(shown, Effect.never)).pipe(
      Effect.ensuring(diagnostics.transient(""))
    )
  })

/** `1,230 of 2,000 rows · 123 pages · 410 rows/s · 1.9 s left`. */
const line = ({ pages, rows, total }: Traffic["Service"], millis: number): string => {
  const rate = rows / Math.max(1, millis / 1000)
  const left = total === undefined || rows === 0 || rows >= total ? undefined : ((total - rows) / rate) * 1000
  const parts = [
    total === undefined ? counted(rows, "row") : `${count(Math.min(rows, total))} of ${counted(total, "row")}`,
    counted(pages, "page"),
    `${count(Math.round(rate))} rows/s`,
    ...(left === undefined ? [] : [`${duration(left)} left`])
  ]
  return cut(parts.join(" · "), 78)
}
