/**
 * A server of a list that a test changes as it likes, in ways that the simulator's world cannot: impossible times, late
 * arrivals, wrong totals.
 */
import type * as Bin from "@hb-sessions/app-kit/Bin"
import { Effect, identity, Schema } from "effect"
import { once } from "node:events"
import { existsSync, readFileSync } from "node:fs"
import { createServer, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { environment, manifestOf, rowsOf, runHere } from "./support.ts"

export const DAY = 86_400_000
export const HOUR = 3_600_000

/** A session as the server sends it. */
export interface Row {
  readonly id: string
  readonly status: string
  readonly createdAt?: string
  readonly teamId?: string
}

/** What the server answers from; may be changed at any time. */
export interface List {
  rows: ReadonlyArray<Row>
  /** What it tells as the total, in place of the truth. */
  total?: number | undefined
  /** Answers a request in its own way; true when it has. */
  answer?: ((page: number, response: ServerResponse) => boolean) | undefined
  /** The `Date` of its answers; "none" for no such header, undefined for the right one. */
  date?: string | undefined
  requests?: number
  /** Changes the text of an answer. */
  readonly edit?: (text: string) => string
  /** Rows of a page; 10 by default. */
  readonly pageSize?: number
}

/** A session that was created so long before `now`, in milliseconds. */
export const row = (id: string, now: number, age: number, status = "closed"): Row => ({
  id,
  status,
  createdAt: new Date(now - age).toISOString()
})

/** Serves a list, whose rows need not be sessions, until the scope closes; succeeds with the environment of a run. */
export const serve = (list: Omit<List, "rows"> & { rows: ReadonlyArray<unknown> }) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const server = createServer((request, response) => {
        const page = Number(new URL(request.url ?? "", "http://localhost").searchParams.get("page"))
        list.requests = (list.requests ?? 0) + 1
        if (list.date !== undefined) response.sendDate = false
        if (list.date !== undefined && list.date !== "none") response.setHeader("date", list.date)
        if (list.answer?.(page, response) === true) return
        const { edit = identity, pageSize = 10 } = list
        const sessions = list.rows.slice((page - 1) * pageSize, page * pageSize)
        const totalCount = list.total ?? list.rows.length
        response.end(edit(JSON.stringify({ sessions, totalCount, page, pageSize })))
      }).listen(0, "127.0.0.1")
      await once(server, "listening")
      return server
    }),
    (server) =>
      Effect.sync(() => {
        server.close()
        server.closeAllConnections()
      })
  ).pipe(
    Effect.map((server) =>
      environment({ apiKey: "key", url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
    )
  )

const shiftClock = pathToFileURL(fileURLToPath(new URL("./fixtures/shiftClock.mjs", import.meta.url))).href

/** The environment of a run whose clock is ahead of ours. */
export const at = (env: Bin.Env, ahead: number): Bin.Env => ({
  ...env,
  NODE_OPTIONS: `--import ${shiftClock}`,
  TEST_CLOCK_AHEAD: String(ahead)
})

/** Runs the export on a directory, within this process. */
export const exportTo = (env: Bin.Env, out: string, ...args: ReadonlyArray<string>) =>
  runHere(env, "run", "--out", out, ...args)

const Tombstone = Schema.fromJsonString(
  Schema.Struct({ id: Schema.String, left_at: Schema.String, left: Schema.Literals(["selection", "list"]) })
)

/** The tombstones of a directory, each with the generation that told it. */
export const tombstonesOf = (directory: string) =>
  manifestOf(directory).tombstones.flatMap(({ generation, path }) =>
    readFileSync(join(directory, path), "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => ({ generation, ...Schema.decodeSync(Tombstone)(line) }))
  )

/** What a reader has who follows the manifest: the last version of each session that has not left, by id. */
export const currentOf = (directory: string): ReadonlyMap<string, Readonly<Record<string, string>>> => {
  const found = new Map<string, { readonly generation: number; readonly row: Readonly<Record<string, string>> }>()
  if (!existsSync(join(directory, "manifest.json"))) return new Map()
  for (const { generation, path } of manifestOf(directory).files) {
    for (const one of rowsOf(join(directory, path))) found.set(one["id"] ?? "", { generation, row: one })
  }
  for (const { generation, id } of tombstonesOf(directory)) {
    if ((found.get(id)?.generation ?? Infinity) <= generation) found.delete(id)
  }
  return new Map([...found].map(([id, { row: one }]) => [id, one]))
}

/** The ids of what a reader has, sorted. */
export const currentIds = (directory: string): ReadonlyArray<string> => [...currentOf(directory).keys()].toSorted()
