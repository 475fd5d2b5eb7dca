/**
 * What a worker tells of its database.
 */
import { assert, it } from "@effect/vitest"
import { AppError } from "@hb-sessions/app-kit/AppError"
import { Effect, Logger } from "effect"
import { TestClock } from "effect/testing"
import * as DatabaseHealth from "../src/fleet/DatabaseHealth.ts"
import { Queue, QueueError } from "../src/fleet/Queue.ts"

it.effect("tells once that the database is away, also while it answers only some questions", () => {
  const log: Array<string> = []
  const logger = Logger.make<unknown, void>(({ message }) => {
    log.push(String(message))
  })
  return Effect.gen(function* () {
    const { isUp, watch } = yield* DatabaseHealth.make()
    const fails = Effect.ignore(watch(Effect.fail(new QueueError({ cause: new Error("no space left") }))))
    const answers = watch(Effect.void)
    // As one whose disk is full.
    for (let second = 0; second < 60; second++) {
      yield* fails
      assert.isFalse(isUp())
      yield* answers
      assert.isTrue(isUp())
      yield* TestClock.adjust("1 second")
    }
    assert.lengthOf(log, 1)
    assert.match(log[0] ?? "", /^the database is unavailable \(no space left\)/)
    for (let second = 0; second < 5; second++) {
      yield* answers
      yield* TestClock.adjust("1 second")
    }
    assert.deepStrictEqual(log.slice(1), ["the database is back after 59 s"])
    yield* fails
    assert.lengthOf(log, 3)
  }).pipe(
    Effect.provideService(
      Queue,
      Queue.of({ problemOf: ({ message }) => new AppError({ message, exitCode: 69 }) } as Queue["Service"])
    ),
    Effect.provide(Logger.layer([logger]))
  )
})
