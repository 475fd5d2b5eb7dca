/**
 * A well-behaved client: the same number of requests every second, whatever becomes of them.
 */
import { Pool } from "undici"

export interface SteadyClient {
  readonly url: string
  /** Of the request with a number, from 0. */
  readonly path: (index: number) => string
  readonly token: string
  readonly perSecond: number
  readonly seconds: number
}

/**
 * Milliseconds from the moment when each request was due until its answer was complete, ascending.
 *
 * Counted from when it was due, so a server that makes requests queue up at the client is not let off.
 */
export const latencies = async (client: SteadyClient): Promise<ReadonlyArray<number>> => {
  const { path, perSecond, seconds, token, url } = client
  const pool = new Pool(url, { connections: 8, pipelining: 1 })
  const times: Array<number> = []
  const ask = async (due: number, index: number): Promise<void> => {
    const { body, statusCode } = await pool.request({
      method: "GET",
      path: path(index),
      headers: { "x-api-key": token }
    })
    await body.dump()
    if (statusCode !== 200) throw new Error(`the well-behaved client gets ${statusCode}`)
    times.push(performance.now() - due)
  }
  const total = perSecond * seconds
  const pending: Array<Promise<void>> = []
  const started = performance.now()
  while (pending.length < total) {
    const due = started + (pending.length * 1000) / perSecond
    if (due <= performance.now()) pending.push(ask(due, pending.length))
    else await new Promise((resolve) => setTimeout(resolve, 1))
  }
  await Promise.all(pending)
  await pool.close()
  return times.toSorted((a, b) => a - b)
}

/** The value that a share of the ascending values does not exceed. */
export const quantile = (ascending: ReadonlyArray<number>, share: number): number =>
  ascending[Math.ceil(share * ascending.length) - 1] ?? Number.NaN
