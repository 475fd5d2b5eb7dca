/**
 * One timer for all effects that may take equally long: the one that began first is over first.
 *
 * A timer and a fiber that waits for it, for each attempt of each page, are what a read creates most of.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"

interface Waiting {
  /** Milliseconds of the clock that is not set. */
  readonly until: number
  readonly expire: () => void
}

export class Deadlines {
  readonly #millis: number
  /** In the order in which they are over. */
  readonly #waiting = new Set<Waiting>()
  #timer: Fiber.Fiber<void> | undefined

  constructor(duration: Duration.Duration) {
    this.#millis = Duration.toMillis(duration)
  }

  /** As `Effect.timeoutOption`: none where it takes longer, and is interrupted. */
  within<A, E>(self: Effect.Effect<A, E>): Effect.Effect<Option.Option<A>, E> {
    if (this.#millis === Infinity) return Effect.asSome(self)
    return Effect.withFiber(({ context }) =>
      Effect.callback((resume) => {
        const running = Effect.runForkWith(context)(self)
        const expire = () => resume(Effect.as(Fiber.interrupt(running), Option.none()))
        const waiting = { until: millisOf(context) + this.#millis, expire }
        if (running.pollUnsafe() === undefined) this.#add(waiting, context)
        running.addObserver((exit) => {
          this.#remove(waiting)
          resume(Exit.map(exit, Option.some))
        })
        return Effect.suspend(() => {
          this.#remove(waiting)
          return Fiber.interrupt(running)
        })
      })
    )
  }

  #add(waiting: Waiting, context: Context.Context<never>): void {
    this.#waiting.add(waiting)
    this.#timer ??= Effect.runForkWith(context)(this.#expireAll)
  }

  /** A timer for nothing would keep the process alive. */
  #remove(waiting: Waiting): void {
    if (!this.#waiting.delete(waiting) || this.#waiting.size > 0) return
    this.#timer?.interruptUnsafe()
    this.#timer = undefined
  }

  /** Waits for the next that is over, until there is none. */
  readonly #expireAll: Effect.Effect<void> = Effect.withFiber(({ context }) => {
    const now = millisOf(context)
    for (const waiting of this.#waiting) {
      if (waiting.until > now) {
        return Effect.andThen(Effect.sleep(Duration.millis(waiting.until - now)), this.#expireAll)
      }
      this.#waiting.delete(waiting)
      waiting.expire()
    }
    this.#timer = undefined
    return Effect.void
  })
}

const millisOf = (context: Context.Context<never>): number =>
  Number(Context.get(context, Clock.Clock).monotonicTimeNanosUnsafe()) / 1_000_000
