/**
 * The API, as a command reaches it: with the settings of the run, observed for progress and `--verbose`.
 */
import { ApiKey, fileVariable, variable } from "@hb-sessions/app-kit/ApiKey"
import { AppError, exitCodes } from "@hb-sessions/app-kit/AppError"
import { clearTextWarning } from "@hb-sessions/app-kit/clearText"
import * as KeySource from "@hb-sessions/app-kit/KeySource"
import * as Transport from "@hb-sessions/app-kit/Transport"
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import { baseUrl, clientConfigWithoutKey } from "@hb-sessions/core/SessionsConfig"
import * as SteadyTime from "@hb-sessions/app-kit/SteadyTime"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import manifest from "../../package.json" with { type: "json" }
import { type FlagValues, resolve, type Resolved } from "../settings/Resolved.ts"
import { Screen } from "../output/Screen.ts"
import { Diagnostics } from "../output/Diagnostics.ts"
import { totalOf, Traffic } from "./Traffic.ts"

/** Everything that a command which reads sessions needs, and the settings in place of the environment. */
export const layer = (flags: FlagValues = {}) =>
  Layer.unwrap(Effect.map(resolve(flags), (resolved) => layerResolved(resolved)))

/** As `layer`, with settings that were resolved before. */
export const layerResolved = (resolved: Resolved) =>
  layerWarning(resolved, Layer.merge(warnOfClearText, warnOfExposed(resolved)))

/** As `layerResolved`, for a command that prints its own warnings. */
export const layerWithoutWarnings = (resolved: Resolved) => layerWarning(resolved, Layer.empty)

const layerWarning = <E>(resolved: Resolved, warnings: Layer.Layer<never, E, Diagnostics>) =>
  SessionsObserved.pipe(
    Layer.provide(layerClient),
    Layer.provide(Observed),
    Layer.provideMerge(Layer.sync(Traffic, () => ({ pages: 0, rows: 0, total: undefined }))),
    Layer.provide(warnings),
    Layer.provideMerge(layerKey(resolved)),
    Layer.provideMerge(layerTell),
    Layer.provideMerge(layerTerminal),
    Layer.provideMerge(ConfigProvider.layer(resolved.provider))
  )

/** stdout and stderr, for a command that reads no sessions. */
export const layerTerminal = Layer.merge(Diagnostics.layer, Screen.layer)

const warnOfClearText = Layer.effectDiscard(
  Effect.gen(function* () {
    const warning = clearTextWarning(yield* baseUrl)
    if (warning !== undefined) yield* Diagnostics.use(({ warn }) => warn(`warning: ${warning}`))
  })
)

/** The client, with the key that a read began with: its pages should not come of two keys. */
const layerClient = Layer.unwrap(
  Effect.gen(function* () {
    const { held } = yield* ApiKey
    return SessionsClient.layerNoDeps({ ...(yield* clientConfigWithoutKey), apiKey: held })
  })
)

/** The key of the run; what to do when there is none, or when it would be sent to another server than it is for. */
const layerKey = ({ isKeyAstray, key, profile }: Resolved) => {
  if (key === undefined) {
    const message = `no API key for the profile ${JSON.stringify(profile.name)}: run "hb-sessions auth login", or set ${variable} to a key from the Hyperbrowser dashboard, or ${fileVariable} to a file that holds one`
    return Layer.effect(ApiKey, Effect.fail(new AppError({ message, exitCode: exitCodes.auth })))
  }
  if (isKeyAstray) {
    const message = `the profile ${JSON.stringify(profile.name)} has a server of its own and no key, and the key of ${key.from.name} may be for another; run "hb-sessions auth login --profile ${profile.name}", or name the server with --base-url`
    return Layer.effect(ApiKey, Effect.fail(new AppError({ message, exitCode: exitCodes.auth })))
  }
  return ApiKey.layer(key.from)
}

const layerTell = Layer.effect(
  KeySource.Tell,
  Diagnostics.useSync(
    ({ detail, warn }) =>
      (level: "info" | "warning", line: string) =>
        level === "info" ? detail(line) : warn(`warning: ${line}`)
  )
)

const warnOfExposed = ({ key, profile }: Resolved) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      if (key?.source !== "stored" || profile.exposed === undefined) return
      const diagnostics = yield* Diagnostics
      yield* diagnostics.warn(`${profile.exposed} holds API keys and can be read by others; run chmod 600 on it`)
    })
  )

/** Every request and its end, retries included; never a header, since one of them is the key. */
const Observed = Layer.effect(
  HttpClient.HttpClient,
  Effect.gen(function* () {
    const diagnostics = yield* Diagnostics
    return HttpClient.transform(yield* HttpClient.HttpClient, (send, request) => {
      const { pathname, search } = new URL(request.url)
      const what = `${request.method} ${pathname}${search}`
      return Effect.flatMap(SteadyTime.now, (start) => {
        const ended = (outcome: string | number) =>
          Effect.flatMap(SteadyTime.now, (end) => {
            const millis = Math.round(end - start)
            return diagnostics.detail(`${what} ${outcome} ${millis} ms`, { request: what, outcome, millis })
          })
        return send.pipe(
          Effect.tap(({ status }) => ended(status)),
          Effect.tapError((error) => ended(error.reason._tag)),
          Effect.onInterrupt(() => ended("interrupted"))
        )
      })
    })
  })
).pipe(Layer.provide(Transport.readingLayerAs(`hb-sessions/${manifest.version}`)))

const SessionsObserved = Layer.effect(
  SessionsClient,
  Effect.gen(function* () {
    const client = yield* SessionsClient
    const traffic = yield* Traffic
    return SessionsClient.of({
      ...client,
      getPage: (query) =>
        Effect.tap(client.getPage(query), (page) =>
          Effect.sync(() => {
            traffic.pages++
            traffic.rows += page.sessions.length
            traffic.total = totalOf(page) ?? traffic.total
          })
        )
    })
  })
)
