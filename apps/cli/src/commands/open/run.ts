/**
 * Opens a session in the browser, or prints its URL.
 */
import { AppError, exitCodes } from "@hb-sessions/app-kit/AppError"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as ChildProcess from "effect/process/ChildProcess"
import { platform } from "node:process"
import * as Api from "../../reading/Api.ts"
import type { OpenInput } from "../open.ts"
import { print } from "../../output/print.ts"
import * as Progress from "../../output/Progress.ts"
import { Diagnostics } from "../../output/Diagnostics.ts"
import { find, notFound } from "../../reading/find.ts"

const DASHBOARD = "https://app.hyperbrowser.ai/sessions/"

export const run = Effect.fn("open")(
  function* ({ id, print: isPrinted }: OpenInput) {
    const found = yield* Progress.during(find([id]))
    const failure = notFound(found)
    if (failure !== undefined) return yield* failure
    const [session] = found.sessions
    const sent = session?.["sessionUrl"]
    const url = typeof sent === "string" && isHttp(sent) ? sent : DASHBOARD + encodeURIComponent(session?.id ?? id)
    if (isPrinted) return yield* print(`${url}\n`)
    const diagnostics = yield* Diagnostics
    yield* diagnostics.say(`opening ${url}`)
    return yield* browse(url)
  },
  (effect, { concurrency, pageSize }) => Effect.provide(effect, Api.layer({ concurrency, pageSize }))
)

/** What the server sends is opened by a program, so it must be a web address and nothing else. */
const isHttp = (text: string): boolean => /^https?:\/\/[\x21-\x7E]+$/.test(text) && URL.canParse(text)

/** The program of each system that opens the browser of the user's choice, which `BROWSER` overrides. */
const browser = Effect.map(Config.option(Config.NonEmptyString("BROWSER")), (named): ReadonlyArray<string> => {
  if (Option.isSome(named)) return [named.value]
  if (platform === "darwin") return ["open"]
  return platform === "win32" ? ["rundll32", "url.dll,FileProtocolHandler"] : ["xdg-open"]
})

const browse = Effect.fnUntraced(function* (url: string) {
  const [program = "", ...args] = yield* browser
  const code = yield* ChildProcess.make(program, [...args, url], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
    extendEnv: true
  }).pipe(
    Effect.flatMap(({ exitCode }) => exitCode),
    Effect.scoped,
    Effect.orElseSucceed(() => undefined)
  )
  if (code === 0) return undefined
  const why = code === undefined ? "could not be started" : `ended with exit code ${code}`
  return yield* new AppError({
    message: `no browser was opened: ${program} ${why}; set BROWSER, or use --print`,
    exitCode: exitCodes.unexpected
  })
})
