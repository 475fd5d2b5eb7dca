/**
 * Our proxy and what one would put in its place, in front of the same list, each with the same page in its cache.
 */
import { fileURLToPath } from "node:url"
import { withUpstream } from "../upstream.ts"
import type { Recorded } from "./bareServer.ts"
import { startNginx } from "./nginx.ts"
import { createToken, startProxy } from "./ourProxy.ts"
import { type Running, startNode } from "./processes.ts"
import { type Replicas, startReplicas } from "./replicas.ts"

export interface Server extends Running {
  readonly name: string
  /** What it calls the page. */
  readonly etag: string
}

export interface Fleet {
  readonly token: string
  readonly pagePath: string
  readonly pageBytes: number
  readonly hasNginx: boolean
  /** Have the page, without an access log; the first is ours. */
  readonly quiet: ReadonlyArray<Server>
  /** Have the page, with an access log in a file; the first is ours. */
  readonly logging: ReadonlyArray<Server>
  /** Have none of the list's later pages; the first is ours. */
  readonly misses: ReadonlyArray<Server>
  /** Ours, with a limit for each token: two that share a Redis and one without; undefined where there is none. */
  readonly replicas: Replicas | undefined
  /** Requests that the list has had so far. */
  readonly upstreamRequests: () => Promise<number>
}

/** The codings of ours. */
export const codings = ["gzip", "br", "zstd"] as const

const PAGE_PATH = "/api/sessions?page=1"

const ours = "hb-sessions-proxy"
const bare = "node:http, the same bytes and headers"
/** Without what a proxy for a team is for. */
export const least = "node:http, a token, one request at a time"
const hono = "Hono on @hono/node-server"
const nginx = "nginx proxy_cache, 1 worker"

const bareServer = fileURLToPath(new URL("./bareServer.ts", import.meta.url))
const leastServer = fileURLToPath(new URL("./leastServer.ts", import.meta.url))
const honoServer = fileURLToPath(new URL("./honoServer.ts", import.meta.url))

/** Starts all of them, checks that they give the same answers, and stops them after `use`. */
export const withFleet = <A>(
  { folder, latencyMillis }: { readonly folder: string; readonly latencyMillis: number },
  use: (fleet: Fleet) => Promise<A>
): Promise<A> =>
  withUpstream(["--sessions", "100000", "--latency", `${latencyMillis}ms`, "--stats"], async (upstream) => {
    const tokensFile = `${folder}/tokens.json`
    const token = await createToken(tokensFile, "--name", "bench")
    const startOurs = (accessLog: "off" | "all") => {
      const flags = ["--rate", "0", "--access-log", accessLog]
      return startProxy({ upstream, tokensFile, flags, log: `${folder}/ours-${accessLog}.log` })
    }
    await using oursQuiet = await startOurs("off")
    await using oursLogging = await startOurs("all")
    await using replicas = await startReplicas({ upstream, tokensFile })
    const recorded = await record(oursQuiet.url, token)
    await using bareHttp = await startNode(bareServer, { input: JSON.stringify(recorded) })
    await using leastHttp = await startNode(leastServer, { input: JSON.stringify({ ...recorded, token }) })
    await using honoProxy = await startNode(honoServer, {
      env: { HYPERBROWSER_API_KEY: upstream.apiKey, HYPERBROWSER_BASE_URL: upstream.url, TOKEN: token }
    })
    await using nginxProxy = await startNginx({
      folder: `${folder}/nginx`,
      token,
      pageUrl: bareHttp.url,
      listUrl: upstream.url,
      apiKey: upstream.apiKey
    })

    const fleet = (servers: Readonly<Record<string, Running | undefined>>): Promise<ReadonlyArray<Server>> =>
      Promise.all(
        Object.entries(servers).flatMap(([name, running]) =>
          running === undefined
            ? []
            : check(running.url, token, recorded.body, name === bare).then((etag) => ({ name, etag, ...running }))
        )
      )
    for (const coding of codings) await checkCoded(oursQuiet.url, token, recorded.body, coding)
    if (nginxProxy !== undefined) await checkCoded(nginxProxy.quiet.url, token, recorded.body, "gzip")
    // Without `await` the servers would be stopped before they are used.
    return await use({
      token,
      pagePath: PAGE_PATH,
      pageBytes: Buffer.byteLength(recorded.body),
      hasNginx: nginxProxy !== undefined,
      quiet: await fleet({
        [ours]: oursQuiet,
        [bare]: bareHttp,
        [least]: leastHttp,
        [hono]: honoProxy,
        [nginx]: nginxProxy?.quiet
      }),
      logging: await fleet({ [ours]: oursLogging, [nginx]: nginxProxy?.logging }),
      misses: await fleet({ [ours]: oursQuiet, [hono]: honoProxy, [nginx]: nginxProxy?.misses }),
      replicas,
      upstreamRequests: async () => {
        const response = await fetch(`${upstream.url}/__stats`)
        return ((await response.json()) as { readonly requests: number }).requests
      }
    })
  })

/** As it is, unless a coding is asked for: `fetch` would ask for some by itself. */
const get = (url: string, headers: Record<string, string>) =>
  fetch(`${url}${PAGE_PATH}`, { headers: { "accept-encoding": "identity", ...headers } })

/** Fails unless the server sends the page in a coding. */
const checkCoded = async (url: string, token: string, body: string, coding: string): Promise<void> => {
  const response = await get(url, { "x-api-key": token, "accept-encoding": coding })
  const found = response.headers.get("content-encoding")
  if (found !== coding) throw new Error(`${url} sends the page in ${found}, not in ${coding}`)
  // Not every `fetch` decodes zstd.
  if (coding !== "zstd" && (await response.text()) !== body) throw new Error(`${url} sends other bytes in ${coding}`)
  if (coding === "zstd") await response.arrayBuffer()
}

/** The headers that Node adds by itself. */
const OWN = new Set(["connection", "content-length", "date", "keep-alive"])

/** One answer of ours, for the server that can do no more than repeat it. */
const record = async (url: string, token: string): Promise<Recorded> => {
  const response = await get(url, { "x-api-key": token })
  const headers = [...response.headers].filter(([name]) => !OWN.has(name)).flat()
  return { body: await response.text(), etag: response.headers.get("etag") ?? "", headers }
}

/** Fails unless the page, its 304 and the rejection of a wrong token are as they should; gives the ETag. */
const check = async (url: string, token: string, body: string, isOpen: boolean): Promise<string> => {
  const full = await get(url, { "x-api-key": token })
  const etag = full.headers.get("etag")
  const [text, size] = [await full.text(), full.headers.get("content-length")]
  if (full.status !== 200 || text !== body) throw new Error(`${url} answers ${full.status} with other bytes than ours`)
  if (Number(size) !== Buffer.byteLength(body)) throw new Error(`${url} sends a page of ${size} bytes`)
  // The 304 of the list behind nginx has no ETag to go by, and is not measured.
  if (etag === null) return ""
  const again = await get(url, { "x-api-key": token, "if-none-match": etag })
  const cached = again.headers.get("x-cache-status") ?? "HIT"
  if (cached !== "HIT") throw new Error(`nginx does not have the page in its cache, but a ${cached}`)
  if (again.status !== 304 || (await again.text()) !== "") throw new Error(`${url} answers ${again.status}, not 304`)
  const rejected = await get(url, { "x-api-key": "wrong" })
  await rejected.text()
  if (!isOpen && rejected.status !== 401) throw new Error(`${url} answers ${rejected.status} to a wrong token`)
  return etag
}
