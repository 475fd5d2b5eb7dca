/**
 * Random histories of a tiny list: what a reader could have asked for and got, without any plan.
 *
 * Reads that follow a plan seldom miss a row and seldom come close to a wrong proof. Here rows are missed all the time,
 * so a certificate that is wrong at all is soon seen to be.
 */
import { IdTable } from "../../core/src/internal/scan/IdTable.ts"
import { type MomentVerdict, momentCertificate } from "../../core/src/internal/scan/momentCertificate.ts"
import { type Response, Responses } from "../../core/src/internal/scan/Responses.ts"
import type { Rules } from "../../core/src/internal/scan/Rules.ts"
import { makeRandom } from "./random.ts"

export interface Verdict {
  readonly verdict: MomentVerdict
  /** Ids that were in the list all the time, and on no page. */
  readonly missed: number
}

interface Request {
  readonly page: number
  asked: number
  total: number
  ids: ReadonlyArray<string>
  completed: number
}

/** Plays the history of a seed and applies the certificate to it. */
export const playHistory = (seed: number, rules: Rules): Verdict => {
  const random = makeRandom(seed)
  const list = Array.from({ length: 1 + random.below(5) }, () => random.uuid())
  const stable = new Set(list)
  const pageSize = 1 + random.below(2)
  const changeRate = random.pick([0.05, 0.1, 0.2])
  const isTotalFirst = random.chance(0.5)
  const requests: Array<Request> = Array.from({ length: 4 + random.below(14) }, () => ({
    page: 1 + random.below(3),
    asked: 0,
    total: 0,
    ids: [],
    completed: 0
  }))
  const read = (request: Request) => {
    request.ids = list.slice((request.page - 1) * pageSize, request.page * pageSize)
  }
  const count = (request: Request) => {
    request.total = list.length
  }
  let clock = 0
  const steps = (request: Request): ReadonlyArray<() => void> => [
    () => (request.asked = ++clock),
    () => (isTotalFirst ? count(request) : read(request)),
    () => (isTotalFirst ? read(request) : count(request)),
    () => (request.completed = ++clock)
  ]
  const concurrency = 1 + random.below(4)
  const waiting = requests.map(steps)
  const running: Array<{ readonly steps: ReadonlyArray<() => void>; at: number }> = []
  for (;;) {
    while (running.length < concurrency && waiting.length > 0) running.push({ steps: waiting.shift() ?? [], at: 0 })
    const one = running[random.below(running.length)]
    if (one === undefined) break
    one.steps[one.at++]?.()
    if (one.at === one.steps.length) running.splice(running.indexOf(one), 1)
    if (!random.chance(changeRate)) continue
    // An id that has left does not come back.
    if (random.chance(0.5)) list.splice(random.below(list.length + 1), 0, random.uuid())
    else for (const id of list.splice(random.below(list.length), 1)) stable.delete(id)
  }

  const table = new IdTable()
  const responses = new Responses()
  const seen = new Set<string>()
  for (const request of requests.toSorted((a, b) => a.completed - b.completed)) {
    const response: Response = request
    responses.add(response)
    for (const id of request.ids) {
      table.record(id, rules.readAt(response), request.asked)
      seen.add(id)
    }
  }
  return {
    verdict: momentCertificate(table, responses, rules),
    missed: [...stable].filter((id) => !seen.has(id)).length
  }
}
