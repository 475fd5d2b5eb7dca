/**
 * As many requests as a server can answer on a number of connections.
 */
import autocannon from "autocannon"
import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { programPath } from "../servers/processes.ts"

export interface Load {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly connections: number
  readonly seconds: number
}

/** What a server achieved. */
export interface Rate {
  readonly requests: number
  readonly perSecond: number
}

const wrk = programPath("wrk")

/** The program that makes the load. */
export const generator = wrk === undefined ? "autocannon" : "wrk"

/** Fails when an answer is an error. */
export const saturate = (load: Load): Promise<Rate> => (wrk === undefined ? withAutocannon(load) : withWrk(wrk, load))

const withWrk = async (program: string, { connections, headers, seconds, url }: Load): Promise<Rate> => {
  const flags = Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`])
  const { stdout } = await promisify(execFile)(program, ["-t1", `-c${connections}`, `-d${seconds}s`, ...flags, url])
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(`not every request to ${url} was answered:\n${stdout}`)
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1])
  return { requests, perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]) }
}

const withAutocannon = async ({ connections, headers, seconds, url }: Load): Promise<Rate> => {
  const result = await autocannon({ url, headers: { ...headers }, connections, duration: seconds })
  const failed = result.errors + result.timeouts + result["4xx"] + result["5xx"]
  if (failed > 0) throw new Error(`${failed} requests to ${url} were not answered`)
  return { requests: result.requests.total, perSecond: result.requests.average }
}
