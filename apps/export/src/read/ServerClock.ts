/**
 * The server's clock, taken from the `Date` header of its responses: the local clock may be wrong by years.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"

/** The difference between the server's clock and the local one. */
export class ServerClock extends Context.Service<
  ServerClock,
  {
    /** How far the server's clock is ahead of the local one, in milliseconds; 0 until the first response. */
    readonly ahead: Effect.Effect<number>
    /** A client that reads the `Date` header of each response. */
    readonly listening: (client: HttpClient.HttpClient) => HttpClient.HttpClient
  }
>()("@hb-sessions/export/ServerClock") {
  static readonly layer = Layer.sync(ServerClock, () => {
    let ahead = 0
    const listen = (date: string | undefined, now: number) => {
      const time = date === undefined ? Number.NaN : Date.parse(date)
      // A `Date` has whole seconds.
      if (!Number.isNaN(time)) ahead = Math.abs(time - now) < 2000 ? 0 : time - now
    }
    return {
      ahead: Effect.sync(() => ahead),
      listening: HttpClient.tap(({ headers }) =>
        Effect.map(Clock.currentTimeMillis, (now) => listen(headers["date"], now))
      )
    }
  })
}

/** The `HttpClient` of the environment, with its responses observed. */
export const layerListening: Layer.Layer<HttpClient.HttpClient, never, ServerClock | HttpClient.HttpClient> =
  Layer.effect(
    HttpClient.HttpClient,
    Effect.gen(function* () {
      const clock = yield* ServerClock
      return clock.listening(yield* HttpClient.HttpClient)
    })
  )
