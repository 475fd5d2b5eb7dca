/**
 * Clients that misbehave, in a process of their own: `badClients.ts <kind> <url> <token>`, until it is killed.
 *
 * - `slowloris`: 200 connections that send a header every second and never an empty line.
 * - `flood`: 32 connections that ask as fast as they are answered, whatever the answer; with a token that is wrong, or
 *   one that is over its limit.
 *
 * Prints a line when all connections have been opened, and the number of answers every second after that.
 */
import { connect } from "node:net"
import { constants, setPriority } from "node:os"

// Elsewhere it has a machine of its own: it must not take the processor from those whom it is measured against.
setPriority(constants.priority.PRIORITY_BELOW_NORMAL)

const [kind = "", target = "", token = ""] = process.argv.slice(2)
const { host, hostname, port } = new URL(target)
const head = `GET /api/sessions?page=1 HTTP/1.1\r\nhost: ${host}\r\nx-api-key: ${token}\r\n`

let opened = 0
let answers = 0

const slow = (): void => {
  const socket = connect(Number(port), hostname, () => {
    opened++
    socket.write(head)
  })
  const drip = setInterval(() => socket.write("x-slow: 1\r\n"), 1000)
  socket.on("error", () => {})
  socket.on("close", () => {
    clearInterval(drip)
    setTimeout(slow, 10)
  })
  socket.resume()
}

const fast = (): void => {
  const socket = connect(Number(port), hostname, () => {
    opened++
    socket.write(`${head}\r\n`)
  })
  socket.on("data", (bytes) => {
    // One answer comes in one piece here; a piece more or less does not matter.
    if (bytes.indexOf("HTTP/1.1 ") !== 0) return
    answers++
    socket.write(`${head}\r\n`)
  })
  socket.on("error", () => {})
  socket.on("close", () => setImmediate(fast))
}

const count = kind === "slowloris" ? 200 : 32
for (let i = 0; i < count; i++) (kind === "slowloris" ? slow : fast)()

const ready = setInterval(() => {
  if (opened < count) return
  clearInterval(ready)
  console.log("ready")
  setInterval(() => {
    console.log(answers)
    answers = 0
  }, 1000)
}, 10)
