/**
 * `proxy`: pages from the cache, and crowds that ask for a page that is not in it.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { compare } from "./Comparison.ts"
import { compareLoads, type Costs, costsOf, type Rounds, type Turns } from "./compareLoads.ts"
import { generator } from "./load/saturate.ts"
import { waves } from "./load/waves.ts"
import { above, atLeast, atMost, ratioTo, type Section, significant, type Table, times } from "./Report.ts"
import { codings, type Fleet, least, type Server, withFleet } from "./servers/fleet.ts"
import { compareReplicas, TWO, WITHOUT } from "./replicas.ts"

const HONO = "Hono"
const AS_IT_IS = "hb-sessions-proxy, not compressed"

/** Servers of each kind, one after another: two processes of the same differ by up to a tenth for as long as they live. */
const FLEETS = 3
const WARM_UP = 3

const CONNECTIONS = 32
const WAVES = 8
const LATENCY = 20

/** What this run and a sampled profile of ours say of a target that is missed. */
const causeOf = (wall: Costs["wall"]): string => {
  const bound = ratioTo(wall, HONO) / ratioTo(wall, least)
  return `The least server above, which only looks a token up and compares a tag, sends the same headers and is ${times(bound)} as fast as Hono in this run. In a profile a page of ours takes 5 µs of CPU time more than one of that server. 3 are ours: form, route, token, limit, cache, headers, counts, and clocks, spread over some sixty functions. 2 are the system's, nearly all of them to wake a client that waits for the answer; one of a faster server is busy, and need not be woken. Leaving out the counts, or Node's timers of idle connections, changed nothing that could be measured.`
}
const NGINX = "nginx is native code and sends the file that it keeps from the page cache of the system."
/** From the bench's own turns, with other processes. */
const REDIS =
  "No request waits for Redis. Of twelve processes with it, in turns with one without, each kept its own speed for as long as it lived, from 0.91 to 1.06 of the other's and 0.97 in the median; five were faster."

interface Asked {
  readonly name: string
  readonly server: Server
  readonly status: 200 | 304
  /** What is asked for as `Accept-Encoding`; nothing by default. */
  readonly coding?: string
}

const asked = (servers: ReadonlyArray<Server>, status: 200 | 304): ReadonlyArray<Asked> =>
  servers.map((server) => ({ name: server.name, server, status }))

/** Lets servers answer the same request in turns; the first is ours. */
const compareRates = (fleet: Fleet, contestants: ReadonlyArray<Asked>, rounds: Rounds): Promise<Turns> =>
  compareLoads(
    contestants.map(({ coding, name, server, status }) => ({
      name,
      servers: [server],
      load: {
        path: fleet.pagePath,
        headers: {
          "x-api-key": fleet.token,
          ...(status === 200 ? {} : { "if-none-match": server.etag }),
          ...(coding === undefined ? {} : { "accept-encoding": coding })
        },
        connections: CONNECTIONS
      }
    })),
    rounds
  )

const ratesTable = (what: string, { cpu, wall }: Costs): Table => ({
  columns: [what, "ours is as fast", "range", "requests/s", "its CPU time ÷ ours", "CPU µs a request"],
  rows: wall.map(({ cost, highest, lowest, name, ratio }, index) => {
    const processor = cpu[index]
    const isTold = processor !== undefined && Number.isFinite(processor.cost)
    return [
      name,
      index === 0 ? "" : times(ratio),
      index === 0 ? "" : `${times(lowest)} – ${times(highest)}`,
      significant(1e6 / cost),
      index === 0 || !isTold ? "" : times(processor.ratio),
      isTold ? significant(processor.cost) : "–"
    ]
  })
})

/** Waves of requests for pages that were not requested before; wall time a wave and requests to the upstream a wave. */
const compareMisses = async (fleet: Fleet, rounds: number) => {
  const upstreamRequests = fleet.misses.map(() => 0)
  const runs = fleet.misses.map(() => 0)
  const contestant = ({ name, url }: Server, index: number) => ({
    name,
    run: async () => {
      const first = 2 + WAVES * (runs[index] ?? 0)
      runs[index] = (runs[index] ?? 0) + 1
      const before = await fleet.upstreamRequests()
      const pages = Array.from({ length: WAVES }, (_, wave) => first + wave)
      const digest = await waves({ url, token: fleet.token, size: CONNECTIONS, pages })
      upstreamRequests[index] = (upstreamRequests[index] ?? 0) + (await fleet.upstreamRequests()) - before
      return digest
    }
  })
  const [ours, ...others] = fleet.misses.map(contestant)
  if (ours === undefined) throw new Error("no server to measure")
  const results = await compare({ contestants: [ours, ...others], rounds, warmups: 1 })
  return { results, perWave: upstreamRequests.map((count, index) => count / WAVES / (runs[index] ?? 1)) }
}

/** What is measured of the servers of one fleet. */
const measureFleet = async (fleet: Fleet, rounds: Rounds) => {
  const [ours] = fleet.quiet
  if (ours === undefined) throw new Error("no server to measure")
  const compared = (contestants: ReadonlyArray<Asked>) => compareRates(fleet, contestants, rounds)
  const nginx = fleet.quiet.find(({ name }) => name.includes("nginx"))
  const load = { path: fleet.pagePath, token: fleet.token, connections: CONNECTIONS, ...rounds }
  return {
    pageBytes: fleet.pageBytes,
    hasNginx: fleet.hasNginx,
    full: await compared(asked(fleet.quiet, 200)),
    notModified: await compared(asked(fleet.quiet, 304)),
    logged: await compared(asked(fleet.logging, 200)),
    both: await compared([
      { name: "304", server: ours, status: 304 },
      { name: "200", server: ours, status: 200 }
    ]),
    coded: await compared([
      ...codings.map((coding): Asked => ({ name: `${ours.name}, ${coding}`, server: ours, status: 200, coding })),
      { name: AS_IT_IS, server: ours, status: 200 },
      ...(nginx === undefined
        ? []
        : [{ name: `${nginx.name}, gzip`, server: nginx, status: 200, coding: "gzip" } as const])
    ]),
    replicas: fleet.replicas === undefined ? undefined : await compareReplicas(fleet.replicas, load)
  }
}

export const proxy = async (rounds: number, isQuick: boolean): Promise<Section> => {
  const folder = mkdtempSync(join(tmpdir(), "hb-sessions-bench-"))
  const fleets = Math.min(FLEETS, rounds)
  const each = { rounds: Math.ceil(rounds / fleets), warmUp: isQuick ? 1 : WARM_UP }
  const started = <A>(use: (fleet: Fleet) => Promise<A>) =>
    withFleet({ folder: mkdtempSync(join(folder, "fleet-")), latencyMillis: LATENCY }, use)
  try {
    const measured: Array<Awaited<ReturnType<typeof measureFleet>>> = []
    for (let index = 0; index < fleets; index++) {
      measured.push(await started((fleet) => measureFleet(fleet, each)))
    }
    const [first] = measured
    if (first === undefined) throw new Error("no fleet was measured")
    const { perWave, results } = await started((fleet) => compareMisses(fleet, rounds))
    const full = costsOf(measured.map((one) => one.full))
    const notModified = costsOf(measured.map((one) => one.notModified))
    const logged = costsOf(measured.map((one) => one.logged))
    const both = costsOf(measured.map((one) => one.both))
    const coded = costsOf(measured.map((one) => one.coded))
    const shared = measured.flatMap((one) => one.replicas ?? [])
    const replicas = shared.length === 0 ? undefined : costsOf(shared)
    const bytes = `${first.pageBytes.toLocaleString("en")} bytes`
    return {
      name: "proxy",
      work: `One page of ${bytes} from the cache, as fast as ${CONNECTIONS} connections of ${generator} take it, in turns of a second, there and back, in ${fleets} ${fleets === 1 ? "process" : "processes"} of each server, one after another; then the same as 304, with an access log into a file, and compressed: ours compresses a page once and keeps it, nginx each time. Last, ${CONNECTIONS} requests at once for a page that is not cached, from an upstream that takes ${LATENCY} ms. All but \`node:http\` check a token; all gave the same bytes first.`,
      tables: [
        ratesTable("cached page, no log", full),
        ratesTable("304, no log", notModified),
        ratesTable("cached page in a coding, no log", coded),
        ratesTable("cached page, access log", logged),
        ...(replicas === undefined ? [] : [ratesTable("cached page, a limit for the token", replicas)]),
        {
          columns: [`miss of ${CONNECTIONS} at once`, "ours is as fast", "range", "ms", "requests to the upstream"],
          rows: results.map(({ cost, highest, lowest, name, ratio }, index) => [
            name,
            index === 0 ? "" : times(ratio),
            index === 0 ? "" : `${times(lowest)} – ${times(highest)}`,
            significant(cost / WAVES),
            (perWave[index] ?? Number.NaN).toFixed(1)
          ])
        }
      ],
      claims: [
        atLeast("cached page, speed relative to `node:http`", 0.75, ratioTo(full.wall, "node:http"), {
          cause: causeOf(full.wall)
        }),
        atLeast("cached page, speed relative to Hono", 1.15, ratioTo(full.wall, HONO), { cause: causeOf(full.wall) }),
        atLeast("304, speed relative to Hono", 1.2, ratioTo(notModified.wall, HONO), {
          cause: causeOf(notModified.wall)
        }),
        ...(first.hasNginx
          ? [
              above("cached page, speed relative to nginx, 1 worker", 1, ratioTo(full.wall, "nginx"), {
                cause: NGINX
              })
            ]
          : []),
        above("304, speed relative to the cached page, in turns", 1, both.wall[1]?.ratio ?? Number.NaN),
        atLeast("cached page in gzip, speed relative to the page as it is", 0.9, ratioTo(coded.wall, AS_IT_IS)),
        ...(replicas === undefined
          ? []
          : [
              atLeast("cached page with Redis, speed relative to without", 0.95, ratioTo(replicas.wall, WITHOUT), {
                cause: REDIS
              }),
              atMost(
                "two replicas on these cores, CPU time a request relative to one",
                1.25,
                ratioTo(replicas.cpu, TWO)
              )
            ]),
        atMost(`requests to the upstream for a miss of ${CONNECTIONS}`, 1, perWave[0] ?? Number.NaN, { unit: "" })
      ],
      notes: [
        ...(first.hasNginx ? [] : ["nginx is not installed here, so it is left out."]),
        ...(replicas === undefined ? ["Redis is not installed here, so replicas are left out."] : [])
      ]
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}
