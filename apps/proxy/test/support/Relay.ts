/**
 * A stretch of network that can be cut and joined again, that can lose what is sent, and lead elsewhere.
 */
import { Effect } from "effect"
import { once } from "node:events"
import { type AddressInfo, connect, createServer, type Socket } from "node:net"

/** Passes connections on to a server until the scope closes. */
export const relayTo = Effect.fnUntraced(function* (url: string) {
  let target = Number(new URL(url).port)
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(target, "127.0.0.1")
    for (const [one, other] of [
      [near, far],
      [far, near]
    ] as const) {
      sockets.add(one)
      one.on("error", () => other.destroy())
      one.on("close", () => {
        sockets.delete(one)
        other.destroy()
      })
      one.pipe(other)
    }
  })
  const open = (port: number) => Effect.promise(() => once(server.listen(port, "127.0.0.1"), "listening"))
  const cut = Effect.promise(async () => {
    const closed = once(server, "close")
    server.close()
    for (const socket of sockets) socket.destroy()
    await closed
  })
  yield* open(0)
  const { port } = server.address() as AddressInfo
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      server.close()
      for (const socket of sockets) socket.destroy()
    })
  )
  const turnTo = (other: string) => void (target = Number(new URL(other).port))
  const silence = () => {
    for (const socket of sockets) socket.unpipe().pause()
  }
  return { url: `http://127.0.0.1:${port}`, cut, join: open(port), turnTo, silence }
})
