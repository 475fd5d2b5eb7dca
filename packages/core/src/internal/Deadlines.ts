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

/**
 * One that is waited for.
 *
 * Old objects that are garbage keep young ones, here the answers of pages, until the whole heap is collected. So these are
 * linked and unlinked, as a `Set` leaves old tables behind; and a class, as V8 moves literals that live long to the old.
 */
class Waiting {
  /** Milliseconds of the clock that is not set. */
  readonly until: number
  readonly expire: () => void
  before: Waiting | undefined = undefined
  after: Waiting | undefined = undefined

  constructor(until: number, expire: () => void) {
    this.until = until
    this.expire = expire
  }
}

export class Deadlines {
  readonly #millis: number
  /** In the order in which they are over. */
  #first: Waiting | undefined
  #last: Waiting | undefined
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
        const waiting = new Waiting(millisOf(context) + this.#millis, expire)
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
    waiting.before = this.#last
    if (this.#last === undefined) this.#first = waiting
    else this.#last.after = waiting
    this.#last = waiting
    this.#timer ??= Effect.runForkWith(context)(this.#expireAll)
  }

  /** A timer for nothing would keep the process alive. */
  #remove(waiting: Waiting): void {
    if (!this.#unlink(waiting) || this.#first !== undefined) return
    this.#timer?.interruptUnsafe()
    this.#timer = undefined
  }

  /** Whether it was there. */
  #unlink(waiting: Waiting): boolean {
    const { after, before } = waiting
    if (before === undefined && this.#first !== waiting) return false
    if (before === undefined) this.#first = after
    else before.after = after
    if (after === undefined) this.#last = before
    else after.before = before
    waiting.before = undefined
    waiting.after = undefined
    return true
  }

  /** Waits for the next that is over, until there is none. */
  readonly #expireAll: Effect.Effect<void> = Effect.withFiber(({ context }) => {
    const now = millisOf(context)
    for (let waiting = this.#first; waiting !== undefined; waiting = this.#first) {
      if (waiting.until > now) {
        return Effect.andThen(Effect.sleep(Duration.millis(waiting.until - now)), this.#expireAll)
      }
      this.#unlink(waiting)
      waiting.expire()
    }
    this.#timer = undefined
    return Effect.void
  })
}

const millisOf = (context: Context.Context<never>): number =>
  Number(Context.get(context, Clock.Clock).monotonicTimeNanosUnsafe()) / 1_000_000
