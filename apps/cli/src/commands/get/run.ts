/**
 * Shows sessions by id.
 */
import { configOf } from "@hb-sessions/core/SessionsConfig"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Api from "../../reading/Api.ts"
import type { GetInput } from "../get.ts"
import { formats } from "../../output/formats/formats.ts"
import { jqFormat } from "../../output/formats/jq.ts"
import { rendered } from "../../output/formats/rendered.ts"
import { print } from "../../output/print.ts"
import { settings } from "../../settings/settings.ts"
import { show } from "../../output/Pager.ts"
import * as Progress from "../../output/Progress.ts"
import { Screen } from "../../output/Screen.ts"
import { painter } from "../../output/text.ts"
import { timesIn } from "../../output/times.ts"
import { find, notFound } from "../../reading/find.ts"
import { usage } from "../../settings/usage.ts"

export const run = Effect.fn("get")(
  function* ({ format, ids, jq }: GetInput) {
    if (Option.isSome(jq) && Option.isSome(format)) {
      return yield* usage("--jq and --format cannot be combined; give one of them")
    }
    const screen = yield* Screen
    const configured = (yield* configOf(settings.format)) ?? "ndjson"
    const name = screen.isTerminal && Option.isNone(format) ? "yaml" : configured
    const makeEncoder = Option.isNone(jq) ? formats[name] : yield* jqFormat(jq.value)
    const found = yield* Progress.during(find(ids))
    const encoder = makeEncoder({
      columns: undefined,
      isContinued: false,
      width: yield* screen.width,
      paint: painter(screen.canColor),
      dialect: "plain",
      times: timesIn(yield* configOf(settings.tz)),
      isForPeople: screen.isTerminal,
      now: yield* Clock.currentTimeMillis
    })
    if (found.sessions.length > 0) {
      const text = yield* rendered(() => encoder.rows(found.sessions) + encoder.end())
      yield* screen.isTerminal ? show(Stream.succeed(text)) : print(text)
    }
    const failure = notFound(found)
    if (failure !== undefined) return yield* failure
  },
  (effect, { concurrency, format, pageSize, tz }) =>
    Effect.provide(effect, Api.layer({ concurrency, format, pageSize, tz }))
)
