/**
 * Runs many effects at a time and gives their results in order: what a read waits on for each of its pages.
 *
 * Below the operators of `Stream`: each of those costs for one page what it would cost for a thousand elements.
 */
import * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Pull from "effect/Pull"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

export interface InOrderOptions<In, Out, E> {
  /** The next input; undefined after the last one. */
  readonly next: () => In | undefined
  /** Run as soon as fewer than `concurrency` are under way, or done and not given yet. */
  readonly run: (input: In) => Effect.Effect<Out, E>
  readonly concurrency: number
  /** Ends the stream, and what is under way, before its inputs do. */
  readonly isOver?: () => boolean
}

/** A failure waits for its turn, so that all earlier results are given before it. */
export const inOrder = <In, Out, E>({
  concurrency,
  isOver = () => false,
  next,
  run
}: InOrderOptions<In, Out, E>): Stream.Stream<Out, E> =>
  Stream.fromChannel(
    Channel.fromTransform((_: unknown, scope) => {
      const started: Array<Fiber.Fiber<Out, E>> = []
      let hasNext = true
      const pull = Effect.withFiber((fiber): Pull.Pull<readonly [Out], E> => {
        if (isOver()) return Cause.done()
        const fork = Effect.runForkWith(fiber.context)
        while (hasNext && started.length < concurrency) {
          const input = next()
          if (input === undefined) hasNext = false
          else started.push(fork(run(input)))
        }
        const [first] = started
        if (first === undefined) return Cause.done()
        return Effect.flatMap(Fiber.await(first), (exit): Effect.Effect<readonly [Out], E> => {
          started.shift()
          return Exit.map(exit, (result) => [result])
        })
      })
      return Effect.as(
        Scope.addFinalizer(
          scope,
          Effect.suspend(() => Fiber.interruptAll(started))
        ),
        pull
      )
    })
  )
