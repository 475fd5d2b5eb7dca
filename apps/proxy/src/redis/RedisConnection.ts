/**
 * One connection to Redis, from when it is made until it fails for the first time.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"

/** A connection that commands can be sent on. */
export interface RedisConnection {
  readonly send: <A>(command: string, args: ReadonlyArray<string>) => Promise<A>
  readonly subscribe: (channel: string, listener: (message: string) => void) => Promise<void>
  /** Closes it; whatever waits for an answer fails. */
  readonly close: () => void
}

/**
 * Why there is no connection.
 *
 * - `usage`: what is there is not what the URL says, and will not be by waiting.
 * - `auth`: it does not take the user and the password.
 * - `absent`: it cannot be reached, or does not do what it should, for now.
 */
export class RedisConnectError extends Data.TaggedError("RedisConnectError")<{
  readonly kind: "usage" | "auth" | "absent"
  readonly problem: string
}> {}

/** How long it may take until commands can be sent, in milliseconds. */
const CONNECT_MILLIS = 2000

/**
 * Makes a connection; `onClosed` is told once why it is over, unless it was closed by us.
 *
 * The client is loaded here, so that a proxy without Redis does without it.
 */
export const connect = (
  url: Redacted.Redacted,
  onClosed: (error: RedisConnectError) => void
): Effect.Effect<RedisConnection, RedisConnectError> =>
  Effect.callback((resume) => {
    let isOver = false
    let lastProblem: unknown
    let close = () => {}
    const over = (problem: unknown) => {
      if (isOver) return
      isOver = true
      close()
      const error = problemOf(problem)
      resume(Effect.fail(error))
      onClosed(error)
    }
    const timer = setTimeout(
      () => over(lastProblem ?? new Error(`did not answer within ${CONNECT_MILLIS / 1000} s`)),
      CONNECT_MILLIS
    )
    const open = async () => {
      const { createClient } = await import("./redisClient.ts")
      const client = createClient({
        url: Redacted.value(url),
        // A command that cannot be sent fails at once.
        disableOfflineQueue: true,
        disableClientInfo: true,
        maintNotifications: "disabled",
        socket: { reconnectStrategy: false, connectTimeout: CONNECT_MILLIS }
      })
      close = () => {
        if (client.isOpen) client.destroy()
      }
      client.on("error", (error) => {
        lastProblem ??= error
        over(lastProblem)
      })
      client.on("end", () => over(lastProblem ?? new Error("closed the connection")))
      if (isOver) return
      await client.connect()
      // `over` may have been told of an error meanwhile.
      if (isOver) return
      clearTimeout(timer)
      resume(
        Effect.succeed({
          send: (command, args) => client.sendCommand([command, ...args]),
          subscribe: (channel, listener) => client.subscribe(channel, listener),
          close: () => {
            isOver = true
            close()
          }
        })
      )
    }
    open().catch(over)
    return Effect.sync(() => {
      clearTimeout(timer)
      isOver = true
      close()
    })
  })

const CERTIFICATE = /^(?:ERR_TLS_CERT|CERT_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_)/

/** Errors of Redis begin with a word in capitals. */
const codeOf = (message: string): string => /^[A-Z]+(?= |$)/.exec(message)?.[0] ?? ""

/** What a failure says, without more of an answer than its first words: who knows what is in it. */
const problemText = (error: unknown): string => {
  if (!(error instanceof Error)) return "failed"
  const { message } = error
  const { code } = error as NodeJS.ErrnoException
  if (code !== undefined && CERTIFICATE.test(code)) return `its certificate is not accepted (${code})`
  switch (codeOf(message)) {
    case "OOM":
      return "its memory is full"
    case "READONLY":
      return "it is a replica that takes no writes"
    case "MISCONF":
      return "it takes no writes, as it cannot save to its disk"
    case "LOADING":
      return "it is still loading its data"
    case "WRONGPASS":
    case "NOAUTH":
    case "NOPERM":
      return "it does not accept the user and the password, or does not let them do this"
  }
  return message.split("\n", 1).join("").slice(0, 160)
}

/** What a failure means for the whole connection. */
export const problemOf = (error: unknown): RedisConnectError => {
  const message = error instanceof Error ? error.message : ""
  const code = error instanceof Error ? String((error as NodeJS.ErrnoException).code) : ""
  const problem = problemText(error)
  if (/^(?:WRONGPASS|NOAUTH|NOPERM)\b|\bAUTH\b.*without any password/.test(message)) {
    return new RedisConnectError({ kind: "auth", problem })
  }
  if (message.startsWith("Unknown RESP type")) {
    return new RedisConnectError({ kind: "usage", problem: "the server there is not Redis" })
  }
  if (CERTIFICATE.test(code)) {
    return new RedisConnectError({
      kind: "usage",
      problem: `${problem}; to trust another certificate authority, name its file in NODE_EXTRA_CA_CERTS`
    })
  }
  if (/^ERR_SSL|^EPROTO/.test(code)) {
    return new RedisConnectError({ kind: "usage", problem: "the server there does not speak TLS; use redis://" })
  }
  if (/DB index/.test(message)) return new RedisConnectError({ kind: "usage", problem: "it has no such database" })
  if (/unknown command/i.test(message)) {
    return new RedisConnectError({ kind: "usage", problem: "it is too old; Redis 7 is needed" })
  }
  return new RedisConnectError({ kind: "absent", problem })
}
