/**
 * Shows sessions by id.
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Api from "../api/Api.ts"
import type { GetInput } from "../commands/get.ts"
import { formats } from "../formats/formats.ts"
import { print } from "../output.ts"
import * as settings from "../settings/settings.ts"
import * as Progress from "../terminal/Progress.ts"
import { Screen } from "../terminal/Screen.ts"
import { painter } from "../terminal/text.ts"
import { find, notFound } from "./find.ts"

export const get = Effect.fn("get")(
  function* ({ format, ids }: GetInput) {
    const screen = yield* Screen
    const configured = yield* settings.format.pipe(Config.withDefault("ndjson" as const))
    const name = Option.getOrElse(format, () => (screen.isTerminal ? ("yaml" as const) : configured))
    const found = yield* Progress.during(find(ids))
    const encoder = formats[name]({
      columns: undefined,
      isContinued: false,
      width: yield* screen.width,
      paint: painter(screen.canColor)
    })
    const sessions = [...new Set(ids)].flatMap((id) => found.sessions.get(id) ?? [])
    if (sessions.length > 0) yield* print(encoder.rows(sessions) + encoder.end())
    const failure = notFound(found)
    if (failure !== undefined) return yield* failure
  },
  (effect, { concurrency, pageSize }) => Effect.provide(effect, Api.layer({ concurrency, page_size: pageSize }))
)
