/**
 * Redis for a command that ends: one connection, which must be there.
 */
import * as AppError from "@hb-sessions/app-kit/AppError"
import * as Effect from "effect/Effect"
import * as Redis from "effect/persistence/Redis"
import { connect } from "./RedisConnection.ts"
import { keysOf, type RedisLinkOptions } from "./RedisLink.ts"
import { shown } from "./RedisUrl.ts"

/** How long a command may take. */
const PATIENCE = "5 seconds"

/** Connects until the scope closes; fails with the exit code of what is wrong. */
export const open = Effect.fnUntraced(function* ({ prefix, url: read }: RedisLinkOptions) {
  const url = yield* read
  const failed = (problem: string, exitCode: number) =>
    new AppError.AppError({ message: `Redis at ${shown(url)}: ${problem}`, exitCode })
  const connection = yield* Effect.acquireRelease(
    connect(url, () => {}).pipe(
      Effect.mapError(({ kind, problem }) =>
        failed(problem, kind === "absent" ? AppError.exitCodes.unavailable : AppError.exitCodes[kind])
      )
    ),
    ({ close }) => Effect.sync(close)
  )
  const redis = yield* Redis.make({
    send: <A>(command: string, ...args: ReadonlyArray<string>) =>
      Effect.tryPromise({
        try: () => connection.send<A>(command, args),
        catch: (cause) => new Redis.RedisError({ cause })
      }).pipe(
        Effect.timeoutOrElse({
          duration: PATIENCE,
          orElse: () => Effect.fail(new Redis.RedisError({ cause: new Error(`did not answer within ${PATIENCE}`) }))
        })
      ),
    subscribe: () => Effect.die(new Error("a command listens to nothing")),
    connect: Effect.die(new Error("a command needs one connection"))
  })
  return { redis, key: keysOf(prefix) }
})
