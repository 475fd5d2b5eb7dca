/**
 * Where Redis is, and what one must know to be let in.
 */
import * as AppError from "@hb-sessions/app-kit/AppError"
import * as RegularFile from "@hb-sessions/app-kit/RegularFile"
import { shownPath } from "@hb-sessions/app-kit/SystemError"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

const FORM = "redis://[user[:password]@]host[:port][/database], or rediss:// for TLS"

const isUrl = Schema.makeFilter((text: string) => isValid(text), { expected: FORM })

const isValid = (text: string): boolean => {
  const parsed = Result.try(() => new URL(text))
  if (Result.isFailure(parsed)) return false
  const { hash, hostname, password, pathname, protocol, search, username } = parsed.success
  return (
    (protocol === "redis:" || protocol === "rediss:") &&
    hostname !== "" &&
    /^(?:\/\d{0,5})?$/.test(pathname) &&
    search === "" &&
    hash === "" &&
    [username, password].every((part) => Result.isSuccess(Result.try(() => decodeURIComponent(part))))
  )
}

/** Schema for the URL of a Redis server, which may hold a password. */
export const RedisUrl = Schema.RedactedFromValue(Schema.String.check(isUrl), { label: "redis" })

/** Schema for what the names of all keys begin with. */
export const RedisPrefix = Schema.String.check(
  Schema.isPattern(/^[A-Za-z0-9._:{}-]{1,64}$/, {
    expected: "1 to 64 letters, digits, dots, dashes, colons, braces and underscores"
  })
)

/** What a URL may be called in a log: without user and password. */
export const shown = (url: Redacted.Redacted): string => {
  const { host, pathname, protocol } = new URL(Redacted.value(url))
  return `${protocol}//${host}${pathname === "/" ? "" : pathname}`
}

/** No URL is longer by far. */
const MAX_BYTES = 64 * 1024

const usage = (message: string) => new AppError.AppError({ message, exitCode: AppError.exitCodes.usage })

/**
 * The URL that is given, or that of the file that is; undefined without either.
 *
 * The file is read each time that a connection is made, so that a password can be changed without a restart.
 */
export const source = (options: {
  readonly redis: Redacted.Redacted | undefined
  readonly redisFile: string | undefined
}): Effect.Effect<Redacted.Redacted, AppError.AppError> | undefined => {
  const { redis, redisFile } = options
  if (redisFile === undefined) return redis === undefined ? undefined : Effect.succeed(redis)
  if (redis !== undefined) {
    return Effect.fail(usage("both --redis and --redis-file are given (or their variables); leave one of them out"))
  }
  const file = shownPath(redisFile)
  return RegularFile.readText(redisFile, { maxBytes: MAX_BYTES }).pipe(
    Effect.mapError(({ problem }) => usage(`--redis-file ${file}: ${problem}`)),
    Effect.flatMap((text) =>
      Effect.mapError(Schema.decodeEffect(RedisUrl)(text.trim()), () =>
        usage(`--redis-file ${file}: expected a file that holds only ${FORM}`)
      )
    )
  )
}
