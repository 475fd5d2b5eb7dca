/**
 * Texts that leave the machine: on one line, of bounded length, and without secrets, even where an error quotes one.
 */
import * as ProxyRules from "@hb-sessions/app-kit/ProxyRules"
import { configOf } from "@hb-sessions/core/SessionsConfig"
import { secretForms } from "@hb-sessions/core/secretForms"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { settings } from "../settings/runSettings.ts"
import { secretsOf } from "../settings/SecretUrl.ts"

/** The variables whose values are secrets. */
const VARIABLES = ["HYPERBROWSER_API_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]

/** Every secret of the settings. */
const secretsOfSettings = Effect.gen(function* () {
  const found: Array<string> = []
  for (const variable of VARIABLES) {
    const value = yield* Effect.option(Config.String(variable))
    found.push(...Option.toArray(value).map((key) => key.trim()))
  }
  const heartbeat = yield* Effect.orElseSucceed(configOf(settings.heartbeatUrl), () => undefined)
  const rules = yield* Effect.option(ProxyRules.proxyRules)
  const proxies = Option.toArray(rules).flatMap(({ http, https }) => [http, https].flatMap((proxy) => proxy ?? []))
  const urls = [
    ...(heartbeat === undefined ? [] : [heartbeat]),
    ...proxies.map(({ url }) => Redacted.make(new URL(Redacted.value(url))))
  ]
  return [...found, ...urls.flatMap(secretsOf)]
})

// Control characters could split a log line, or hide text.
const CONTROL = /[\p{Cc}\p{Cf}\u2028\u2029]+/gu

const MAX_LENGTH = 1000

/** Makes texts safe to send; secrets that are in no setting are given. */
export const masking = Effect.fnUntraced(function* (more: ReadonlyArray<Redacted.Redacted>) {
  const secrets = [...(yield* secretsOfSettings), ...more.map(Redacted.value)]
  // The longest first: a part of a secret may be a secret too.
  const forms = [...new Set(secrets.flatMap(secretForms))].toSorted((a, b) => b.length - a.length)
  return (text: string): string => {
    const hidden = forms.reduce((rest, form) => rest.replaceAll(form, "<redacted>"), text)
    const line = hidden.replace(CONTROL, " ").trim()
    return line.length > MAX_LENGTH ? `${line.slice(0, MAX_LENGTH - 1)}…` : line
  }
})
