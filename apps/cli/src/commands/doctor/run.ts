/**
 * Checks what the commands need.
 */
import { variable } from "@hb-sessions/app-kit/ApiKey"
import { AppError, exitCodes, toAppError } from "@hb-sessions/app-kit/AppError"
import { clearTextWarning, isLoopback } from "@hb-sessions/app-kit/clearText"
import { proxyFor, proxyRules } from "@hb-sessions/app-kit/ProxyRules"
import * as SettingsFile from "@hb-sessions/app-kit/SettingsFile"
import * as Transport from "@hb-sessions/app-kit/Transport"
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import { baseUrl } from "@hb-sessions/core/SessionsConfig"
import * as SessionPageJson from "@hb-sessions/core/SessionPageJson"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import manifest from "../../../package.json" with { type: "json" }
import * as Api from "../../reading/Api.ts"
import { driftOf, unfitOf } from "./drift.ts"
import { reason, resolveName, serverTime, shakeHands } from "./network.ts"
import { print } from "../../output/print.ts"
import { type Resolved, resolve } from "../../settings/Resolved.ts"
import { byKey } from "../../settings/settings.ts"
import { Screen } from "../../output/Screen.ts"
import { counted, duration, neutralise, painter } from "../../output/text.ts"

/** What one check found. */
interface Finding {
  readonly level: "ok" | "warn" | "fail"
  readonly name: string
  readonly detail: string
  /** The exit code of a failure. */
  readonly exitCode?: number
}

const ok = (name: string, detail: string): Finding => ({ level: "ok", name, detail })
const warn = (name: string, detail: string): Finding => ({ level: "warn", name, detail })
const fail = (name: string, detail: string, exitCode: number): Finding => ({ level: "fail", name, detail, exitCode })

const TIMEOUT = "10 seconds"
const MOST_SKEW = 60_000

export const run = Effect.fn("doctor")(
  function* () {
    const resolved = yield* resolve()
    const settings = yield* checkSettings(resolved)
    yield* show([ok("node", process.version), checkProfile(resolved), ...settings, ...(yield* keyFindings(resolved))])
    const url = yield* Effect.option(baseUrl.parse(resolved.provider))
    // Without a server there is nothing else to check.
    if (Option.isNone(url)) return yield* conclude(settings)
    const server = url.value
    const proxy = proxyFor(yield* proxyRules, server)
    if (proxy !== undefined) yield* show([ok("proxy", `${proxy.origin} (environment ${proxy.variable})`)])
    // The proxy looks up the host, and what this machine can reach by itself says nothing.
    const isClear = clearTextWarning(server) !== undefined
    const below = proxy === undefined ? [checkName(server), checkTls(server)] : isClear ? [checkTls(server)] : []
    const checks = [...below, checkClock(server), checkPage(resolved)]
    const findings = yield* Effect.forEach(checks, (check) => Effect.tap(check, show))
    return yield* conclude([...settings, ...findings.flat()])
  },
  (effect) => Effect.provide(effect, Api.layerTerminal)
)

const conclude = Effect.fnUntraced(function* (findings: ReadonlyArray<Finding>) {
  const failures = findings.filter(({ level }) => level === "fail")
  const [first] = failures
  if (first === undefined) return yield* show([ok("all", "no problem found")])
  return yield* new AppError({
    message: `${counted(failures.length, "check")} failed, first ${first.name}: ${first.detail}`,
    exitCode: first.exitCode ?? exitCodes.unexpected
  })
})

const show = Effect.fnUntraced(function* (findings: ReadonlyArray<Finding>) {
  const { canColor } = yield* Screen
  const paint = painter(canColor)
  const styles = { ok: "green", warn: "yellow", fail: "red" } as const
  yield* print(
    findings
      .map(
        ({ detail, level, name }) =>
          `${paint(styles[level], level.padEnd(4))}  ${name.padEnd(24)} ${neutralise(detail)}\n`
      )
      .join("")
  )
})

/** Each setting, where it comes from, and what is wrong with its value. */
const checkSettings = ({ origins }: Resolved) =>
  Effect.forEach(origins, ({ name, source, value }) => {
    const setting = byKey.get(name)
    const origin = `${value} (${source}${source === "environment" ? ` ${setting?.variable}` : ""})`
    return setting === undefined || source === "default"
      ? Effect.succeed(ok(name, origin))
      : Effect.match(SettingsFile.check(setting, value), {
          onSuccess: () => ok(name, origin),
          onFailure: (problem) => fail(name, `${origin}: ${problem}`, exitCodes.usage)
        })
  })

const checkProfile = ({ profile }: Resolved) =>
  ok("profile", `${profile.name} (${profile.source})${profile.file === undefined ? "" : `, ${profile.file}`}`)

/** Where the key comes from, and whether one is there. */
const keyFindings = Effect.fnUntraced(function* ({ isKeyAstray, key, profile }: Resolved) {
  const exposed =
    profile.exposed === undefined
      ? []
      : [warn("api key", `${profile.exposed} can be read by others; run chmod 600 on it`)]
  if (key === undefined) {
    return [fail("api key", `none; run "hb-sessions auth login" or set ${variable}`, exitCodes.auth), ...exposed]
  }
  const { name } = key.from
  if (isKeyAstray) {
    return [fail("api key", `set (environment ${name}), but the profile has a server of its own`, exitCodes.auth)]
  }
  return yield* Effect.match(key.from.read, {
    onFailure: ({ exitCode, message }) => [fail("api key", message, exitCode), ...exposed],
    onSuccess: () => [
      ok("api key", key.source === "environment" ? `set (environment ${name})` : "set (stored for the profile)"),
      ...exposed
    ]
  })
})

const within = <A, R>(check: Effect.Effect<A, string, R>) =>
  Effect.timeoutOrElse(check, { duration: TIMEOUT, orElse: () => Effect.fail(`no answer within ${TIMEOUT}`) })

/** One finding, whatever happens. */
const finding = <R>(name: string, check: Effect.Effect<Finding, string, R>) =>
  within(check).pipe(
    Effect.catch((problem) => Effect.succeed(fail(name, problem, exitCodes.unavailable))),
    Effect.map((found) => [found])
  )

const hostOf = (url: URL) => url.hostname.replace(/^\[|\]$/g, "")

const checkName = (url: URL) =>
  finding(
    "dns",
    Effect.map(resolveName(hostOf(url)), (addresses) => ok("dns", `${hostOf(url)} is ${addresses.join(", ")}`))
  )

const checkTls = (url: URL) =>
  url.protocol === "http:"
    ? Effect.succeed([
        isLoopback(url.hostname)
          ? ok("tls", "none, which is fine on this machine")
          : warn("tls", clearTextWarning(url) ?? "none")
      ])
    : finding(
        "tls",
        Effect.map(shakeHands(hostOf(url), Number(url.port) || 443), ({ protocol, validTo }) =>
          ok("tls", `${protocol}, certificate valid until ${validTo}`)
        )
      )

const checkClock = (url: URL) =>
  finding(
    "clock",
    Effect.gen(function* () {
      const server = yield* Effect.mapError(
        serverTime(url.href),
        (error) => `the server did not answer: ${reason(error)}`
      )
      const skew = (yield* Clock.currentTimeMillis) - server
      if (Number.isNaN(skew)) return warn("clock", "the server sends no Date header")
      const off = `${duration(Math.abs(skew))} ${skew > 0 ? "ahead of" : "behind"} the server's`
      return Math.abs(skew) > MOST_SKEW ? warn("clock", `${off}; correct this machine's clock`) : ok("clock", off)
    }).pipe(
      Effect.provide(Transport.layerAs(`hb-sessions/${manifest.version}`)),
      Effect.mapError((error) => (typeof error === "string" ? error : toAppError(error).message))
    )
  )

/** The key, and whether a page is what the contract says. */
const checkPage = Effect.fnUntraced(
  function* (resolved: Resolved) {
    if (resolved.key === undefined) return [fail("key", "not checked, as there is none", exitCodes.auth)]
    const client = SessionsClient.use((service) => service.getPageResponse({}))
    const { body, json } = yield* Effect.provide(client, Api.layerWithoutWarnings(resolved))
    const accepted = ok("key", "accepted")
    const text = new TextDecoder().decode(body)
    const page = SessionPageJson.decode(text)
    if (Result.isFailure(page)) {
      return [accepted, fail("contract", "the answer has no list of sessions", exitCodes.invalidResponse)]
    }
    const drift = [...driftOf(json), ...unfitOf(text, page.success)]
    const sample = counted(page.success.sessions.length, "session")
    return drift.length === 0
      ? [accepted, ok("contract", `a page of ${sample} is as the contract says`)]
      : [accepted, ...drift.map((difference) => warn("contract", difference))]
  },
  (effect) =>
    Effect.match(effect, {
      onSuccess: (findings) => findings,
      onFailure: (error) => {
        const { exitCode, message } = toAppError(error)
        return [fail(exitCode === exitCodes.auth ? "key" : "api", message, exitCode)]
      }
    })
)
