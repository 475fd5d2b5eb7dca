/**
 * A token that asks for more than its share, in a process of its own: `neighbours.ts <kind> <url> <token>`, until it is
 * killed.
 *
 * - `distinct`: 90 queries a second that are in no cache, within the limit of the token.
 * - `readers`: 8 whole lists that are read a little at a time.
 *
 * Prints a line when it is at it, and the number of answers, or of pieces that were read, every second after that.
 */
import { get } from "node:http"
import { constants, setPriority } from "node:os"

// Elsewhere it has a machine of its own: it must not take the processor from those whom it is measured against.
setPriority(constants.priority.PRIORITY_BELOW_NORMAL)

const PER_SECOND = 90
const READERS = 8

const [kind = "", url = "", token = ""] = process.argv.slice(2)
const headers = { "x-api-key": token }

let asked = 0
let answers = 0

const distinct = (): void => {
  const sent = get(`${url}/api/sessions?distinct=${process.pid}-${asked++}`, { headers, agent: false }, (response) => {
    response.resume().on("end", () => answers++)
  })
  sent.on("error", () => {})
}

const slowly = (): void => {
  const again = () => setTimeout(slowly, 100)
  const sent = get(`${url}/v1/sessions`, { headers, agent: false }, (response) => {
    response.on("data", () => {
      answers++
      response.pause()
      setTimeout(() => response.resume(), 200)
    })
    response.on("error", () => {}).on("close", again)
  })
  sent.on("error", again)
}

if (kind === "distinct") setInterval(distinct, 1000 / PER_SECOND)
else for (let reader = 0; reader < READERS; reader++) slowly()

setTimeout(() => {
  console.log("ready")
  setInterval(() => {
    console.log(answers)
    answers = 0
  }, 1000)
}, 2000)
