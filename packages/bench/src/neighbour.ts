/**
 * `neighbour`: how long a well-behaved client waits while another one misbehaves.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { median } from "./Comparison.ts"
import { latencies, quantile } from "./load/steadyClient.ts"
import { atMost, type Section, significant, times } from "./Report.ts"
import { createToken, startProxy } from "./servers/ourProxy.ts"
import { disposable } from "./servers/processes.ts"
import { withUpstream } from "./upstream.ts"

const PER_SECOND = 500
const SECONDS = 4
const TARGET = 3

const CAUSE =
  "The neighbour, the proxy and the client that is measured share the cores, and the neighbour's requests are ahead of the client's in the queue of the one thread."

const badClients = fileURLToPath(new URL("./load/badClients.ts", import.meta.url))

const neighbours = fileURLToPath(new URL("./load/neighbours.ts", import.meta.url))

/** What the client that is measured asks for a second when no answer is cached: a part of what the upstream may be asked. */
const UNCACHED_PER_SECOND = 4
const UNCACHED_SECONDS = 10

interface BadClient {
  readonly name: string
  readonly kind: "slowloris" | "flood" | "distinct" | "readers"
  readonly token: string
}

/** Starts a misbehaving client and waits until it is at it. */
const startBadClient = async ({ kind, token }: BadClient, url: string) => {
  const program = kind === "distinct" || kind === "readers" ? neighbours : badClients
  const child = spawn(process.execPath, [program, kind, url, token], { stdio: ["ignore", "pipe", "inherit"] })
  const rates: Array<number> = []
  const lines = createInterface(child.stdout)
  await once(lines, "line")
  lines.on("line", (line) => rates.push(Number(line)))
  return { rates, ...disposable(child, "SIGKILL") }
}

/** Waits of a client for pages that are not cached, alone and beside a token that asks for more than its share. */
const uncached = async (
  rounds: number,
  proxy: { readonly url: string },
  { good, greedy, seconds }: { readonly good: string; readonly greedy: string; readonly seconds: number }
) => {
  const bad: ReadonlyArray<BadClient> = [
    { name: "90 distinct queries a second", kind: "distinct", token: greedy },
    { name: "8 slow readers of /v1/sessions", kind: "readers", token: greedy }
  ]
  let run = 0
  const wait = () => {
    const nth = run++
    return latencies({
      url: proxy.url,
      path: (index) => `/api/sessions?page=1&own=${nth}-${index}`,
      token: good,
      perSecond: UNCACHED_PER_SECOND,
      seconds
    })
  }
  await wait()
  const quiet: Array<ReadonlyArray<number>> = []
  const noisy = bad.map(() => [] as Array<ReadonlyArray<number>>)
  for (let round = 0; round < rounds; round++) {
    quiet.push(await wait())
    for (const [index, client] of bad.entries()) {
      await using _running = await startBadClient(client, proxy.url)
      noisy[index]?.push(await wait())
    }
  }
  const p99 = (found: ReadonlyArray<number>) => quantile(found, 0.99)
  const line = (name: string, measured: ReadonlyArray<ReadonlyArray<number>>, ratios: ReadonlyArray<number>) => [
    name,
    ratios.length === 0 ? "" : times(median(ratios)),
    ratios.length === 0 ? "" : `${times(Math.min(...ratios))} – ${times(Math.max(...ratios))}`,
    significant(median(measured.map((found) => quantile(found, 0.5)))),
    significant(median(measured.map(p99)))
  ]
  const results = bad.map(({ name }, index) => {
    const measured = noisy[index] ?? []
    return { name, measured, ratios: measured.map((found, round) => p99(found) / p99(quiet[round] ?? [])) }
  })
  return {
    rows: [
      line("no neighbour", quiet, []),
      ...results.map(({ measured, name, ratios }) => line(name, measured, ratios))
    ],
    claims: results.map(({ name, ratios }) =>
      atMost(`uncached p99 beside ${name} ÷ quiet p99`, TARGET, median(ratios), { cause: CAUSE })
    )
  }
}

export const neighbour = async (rounds: number, isQuick: boolean): Promise<Section> => {
  const seconds = isQuick ? 3 : UNCACHED_SECONDS
  const folder = mkdtempSync(join(tmpdir(), "hb-sessions-bench-"))
  try {
    return await withUpstream(["--sessions", "1000"], async (upstream) => {
      const tokensFile = `${folder}/tokens.json`
      const good = await createToken(tokensFile, "--name", "good", "--rate", "100000")
      const greedy = await createToken(tokensFile, "--name", "greedy")
      const bad: ReadonlyArray<BadClient> = [
        { name: "200 slowloris connections", kind: "slowloris", token: good },
        { name: "a flood of wrong tokens", kind: "flood", token: good.replace(/.{8}$/, "AAAAAAAA") },
        { name: "a token far over its limit", kind: "flood", token: greedy }
      ]
      const shared = await (async () => {
        // What is shared is what the upstream may be asked.
        const limits = { upstreamRate: 20, cacheFresh: "2s", flags: [] }
        await using server = await startProxy({ upstream, tokensFile, log: `${folder}/shared.log`, ...limits })
        return await uncached(rounds, server, { good, greedy, seconds })
      })()
      await using proxy = await startProxy({ upstream, tokensFile, log: `${folder}/access.log`, flags: [] })
      const wait = () =>
        latencies({
          url: proxy.url,
          path: () => "/api/sessions?page=1",
          token: good,
          perSecond: PER_SECOND,
          seconds: SECONDS
        })
      const beside = async (client: BadClient) => {
        await using running = await startBadClient(client, proxy.url)
        const found = await wait()
        return { found, rate: median(running.rates) }
      }

      await wait()
      const quiet: Array<ReadonlyArray<number>> = []
      const noisy = bad.map(() => [] as Array<{ readonly found: ReadonlyArray<number>; readonly rate: number }>)
      for (let round = 0; round < rounds; round++) {
        quiet.push(await wait())
        for (const [index, client] of bad.entries()) noisy[index]?.push(await beside(client))
      }

      const quietP99 = quiet.map((found) => quantile(found, 0.99))
      const results = bad.map(({ name }, index) => {
        const measured = noisy[index] ?? []
        const ratios = measured.map(({ found }, round) => quantile(found, 0.99) / (quietP99[round] ?? Number.NaN))
        return {
          name,
          ratio: median(ratios),
          range: `${times(Math.min(...ratios))} – ${times(Math.max(...ratios))}`,
          half: median(measured.map(({ found }) => quantile(found, 0.5))),
          p99: median(measured.map(({ found }) => quantile(found, 0.99))),
          rate: median(measured.map(({ rate }) => rate))
        }
      })
      return {
        name: "neighbour",
        work: `One client asks the proxy for a cached page ${PER_SECOND} times a second, for ${SECONDS} s in turns: alone, and beside one that misbehaves. Latency counts from the moment when a request was due. Access log on, default limits.`,
        tables: [
          {
            columns: ["beside", "p99 ÷ quiet p99", "range", "median ms", "p99 ms", "answers/s to the neighbour"],
            rows: [
              [
                "no neighbour",
                "",
                "",
                significant(median(quiet.map((found) => quantile(found, 0.5)))),
                significant(median(quietP99)),
                ""
              ],
              ...results.map(({ half, name, p99, range, rate, ratio }) => [
                name,
                times(ratio),
                range,
                significant(half),
                significant(p99),
                significant(rate)
              ])
            ]
          },
          { columns: ["uncached, beside", "p99 ÷ quiet p99", "range", "median ms", "p99 ms"], rows: shared.rows }
        ],
        claims: [
          ...results.map(({ name, ratio }) =>
            atMost(`p99 beside ${name} ÷ quiet p99`, TARGET, ratio, { cause: CAUSE })
          ),
          ...shared.claims
        ],
        notes: [
          `Uncached: ${UNCACHED_PER_SECOND} pages a second, each asked for once, for ${seconds} s in turns; the upstream may be asked 20 times a second, of both tokens together.`,
          "A flood gets few answers, as the proxy holds rejections beyond a limit back for a second and more; each of its 32 connections asks again at once.",
          "The misbehaving client runs at a lower priority, for in reality it has a machine of its own; all the same it shares the cores with the proxy and the client that is measured."
        ]
      } satisfies Section
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
}
