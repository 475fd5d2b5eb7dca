/**
 * Prints the URL of a session.
 */
import * as Effect from "effect/Effect"
import * as Api from "../api/Api.ts"
import type { OpenInput } from "../commands/open.ts"
import { print } from "../output.ts"
import * as Progress from "../terminal/Progress.ts"
import { find, notFound } from "./find.ts"

const DASHBOARD = "https://app.hyperbrowser.ai/sessions/"

export const open = Effect.fn("open")(
  function* ({ id }: OpenInput) {
    const found = yield* Progress.during(find([id]))
    const failure = notFound(found)
    if (failure !== undefined) return yield* failure
    const url = found.sessions.get(id)?.["sessionUrl"]
    yield* print(`${typeof url === "string" && isHttp(url) ? url : DASHBOARD + encodeURIComponent(id)}\n`)
  },
  (effect, { concurrency, pageSize }) => Effect.provide(effect, Api.layer({ concurrency, page_size: pageSize }))
)

/** What the server sends is opened by a program, so it must be a web address and nothing else. */
const isHttp = (text: string): boolean => /^https?:\/\/[\x21-\x7E]+$/.test(text) && URL.canParse(text)
