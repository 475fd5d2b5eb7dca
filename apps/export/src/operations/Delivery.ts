/**
 * Sends a notification to every URL at once; the failure of one is logged, and is no failure of the export.
 */
import { transport } from "../settings/transport.ts"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import manifest from "../../package.json" with { type: "json" }
import { type SecretUrl, secretsOf } from "../settings/SecretUrl.ts"
import { masking } from "./Masking.ts"
import { type Notification, schemaVersion, textOf, type Told } from "./Notification.ts"
import * as Webhook from "./Webhook.ts"

/** To whom a notification goes. */
export interface Recipients {
  readonly urls: ReadonlyArray<SecretUrl>
  /** What no notification may hold, beside the secrets of the settings. */
  readonly secrets: ReadonlyArray<Redacted.Redacted>
}

/** Chats that reject a message with members that they do not know; others ignore them. */
const TEXT_ONLY = new Set(["chat.googleapis.com"])

const bodyFor = (url: SecretUrl, notification: Notification): unknown =>
  TEXT_ONLY.has(Redacted.value(url).hostname) ? { text: notification.text } : notification

/** A notification without secrets. */
const notificationOf = Effect.fnUntraced(function* (told: Omit<Told, "time">, secrets: Recipients["secrets"]) {
  const mask = yield* masking(secrets)
  const time = new Date(yield* Clock.currentTimeMillis).toISOString()
  const safe: Told = {
    ...told,
    account: mask(told.account),
    ...(told.destination === undefined ? {} : { destination: mask(told.destination) }),
    message: mask(told.message),
    time
  }
  const notification: Notification = { schemaVersion, text: textOf(safe), ...safe, version: manifest.version }
  return notification
})

/** Sends a notification; whether any recipient accepted it. */
export const deliver = Effect.fn("Delivery.deliver")(function* (
  { secrets, urls }: Recipients,
  told: Omit<Told, "time">
) {
  if (urls.length === 0) return false
  const own = urls.flatMap(secretsOf).map((part) => Redacted.make(part))
  const notification = yield* notificationOf(told, [...secrets, ...own])
  const isAccepted = yield* Effect.forEach(
    urls,
    (url, index) =>
      Webhook.post(url, { body: bodyFor(url, notification) }).pipe(
        Effect.as(true),
        Effect.catch(({ message }) => {
          const which = urls.length === 1 ? "the notification URL" : `notification URL ${index + 1} of ${urls.length}`
          return Effect.as(Effect.logWarning(`${which} was not notified of "${told.outcome}": ${message}`), false)
        })
      ),
    { concurrency: "unbounded" }
  ).pipe(
    Effect.provide(transport),
    Effect.catch(({ message }) => Effect.as(Effect.logWarning(`no notification was sent: ${message}`), []))
  )
  return isAccepted.some(Boolean)
})
