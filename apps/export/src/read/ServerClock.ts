/**
 * The server's clock, as the `Date` of its answers tells it: ours may be wrong by years.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"

/** Tells what time it is at the server. */
export class ServerClock extends Context.Service<
  ServerClock,
  {
    /** How far the server's clock is ahead of ours, in milliseconds; 0 until an answer has told. */
    readonly ahead: Effect.Effect<number>
    /** A client that listens to the `Date` of each answer. */
    readonly listening: (client: HttpClient.HttpClient) => HttpClient.HttpClient
  }
>()("@hb-sessions/export/ServerClock") {
  static readonly layer = Layer.sync(ServerClock, () => {
    let ahead = 0
    const listen = (date: string | undefined, now: number) => {
      const told = date === undefined ? Number.NaN : Date.parse(date)
      // A `Date` has whole seconds.
      if (!Number.isNaN(told)) ahead = Math.abs(told - now) < 2000 ? 0 : told - now
    }
    return {
      ahead: Effect.sync(() => ahead),
      listening: HttpClient.tap(({ headers }) =>
        Effect.map(Clock.currentTimeMillis, (now) => listen(headers["date"], now))
      )
    }
  })
}

/** The `HttpClient` of the environment, with its answers listened to. */
export const layerListening: Layer.Layer<HttpClient.HttpClient, never, ServerClock | HttpClient.HttpClient> =
  Layer.effect(
    HttpClient.HttpClient,
    Effect.gen(function* () {
      const clock = yield* ServerClock
      return clock.listening(yield* HttpClient.HttpClient)
    })
  )
