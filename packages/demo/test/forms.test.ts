/**
 * The odd rows and pages of vendors, through core and every built program: what is read, printed, counted and set apart.
 */
import * as Bin from "@hb-sessions/app-kit/Bin"
import * as Sessions from "@hb-sessions/core/Sessions"
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import * as SessionsCsv from "@hb-sessions/core/SessionsCsv"
import * as SessionsNdjson from "@hb-sessions/core/SessionsNdjson"
import type { UnreadableRow } from "@hb-sessions/core/SessionPage"
import type { ScanReport } from "@hb-sessions/core/ScanReport"
import { assert, describe, it } from "@effect/vitest"
import { parse } from "csv-parse/sync"
import { Effect, Redacted } from "effect"
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { exact } from "./forms/exact.ts"
import { ALL_ROWS, bodyOf, formServer, pageList, rowList } from "./forms/formServer.ts"
import { type PageForm, pageForms } from "./forms/pageForms.ts"
import { rowForms } from "./forms/rowForms.ts"

const bin = (name: string): string => fileURLToPath(import.meta.resolve(`${name}/dist/bin.js`))

const cli = bin("@hb-sessions/cli")
const exporter = bin("@hb-sessions/export")
const proxy = bin("@hb-sessions/proxy")

const KEY = "forms-key"

/** For many runs of programs, on a busy machine. */
const TIMEOUT = 180_000

const apart = rowForms.filter((form) => form.unreadable !== undefined)
const printed = rowForms.flatMap((form) => (form.printed === undefined ? [] : [form.printed]))
const cells = rowForms.flatMap((form) => (form.cells === undefined ? [] : [form.cells]))

/** Paths with how often they occur. */
const counted = (paths: ReadonlyArray<string>): Readonly<Record<string, number>> => {
  const counts: Record<string, number> = {}
  for (const path of paths) counts[path] = (counts[path] ?? 0) + 1
  return counts
}

const ignoredInRows = counted(rowForms.flatMap(({ ignored }) => ignored))

/** The cells of CSV that are not empty, a record a row. */
const cellsOf = (csv: string): ReadonlyArray<Record<string, string>> => {
  const records: ReadonlyArray<Record<string, string>> = parse(csv, { columns: true })
  return records.map((record) => Object.fromEntries(Object.entries(record).filter(([, cell]) => cell !== "")))
}

const lines = (text: string): ReadonlyArray<string> => text.split("\n").slice(0, -1)

const environment = (url: string): Bin.Env => ({
  HYPERBROWSER_API_KEY: KEY,
  HYPERBROWSER_BASE_URL: url,
  HB_SESSIONS_RETRIES: "0"
})

const scratch = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "hb-sessions-forms-"))),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
)

/** Reads a list with core. */
const readForms = (url: string) =>
  Effect.gen(function* () {
    const unreadable: Array<UnreadableRow> = []
    const onUnreadableRow = (row: UnreadableRow) => Effect.sync(() => void unreadable.push(row))
    const read = yield* Sessions.collect({ onUnreadableRow }).pipe(
      Effect.provide(SessionsClient.layer({ apiKey: Redacted.make(KEY), baseUrl: new URL(url), retries: 0 }))
    )
    return { ...read, unreadable }
  })

it("are at least 40 forms of rows and 20 of pages, each another one", () => {
  assert.isAtLeast(rowForms.length, 40)
  assert.isAtLeast(pageForms.length, 20)
  const all = [...rowForms, ...pageForms].map(({ about }) => about)
  assert.lengthOf(new Set(all), all.length)
})

describe("core", () => {
  for (const [index, form] of rowForms.entries()) {
    it.live(`reads a row: ${form.about}`, () =>
      Effect.gen(function* () {
        const { urlOf } = yield* formServer
        const { report, sessions, unreadable } = yield* readForms(urlOf(rowList(index)))
        assert.deepStrictEqual<unknown>(sessions, form.typed === undefined ? [] : [form.typed])
        assert.deepStrictEqual(sessions.map(SessionsNdjson.encodeSession).map(exact), printedOf(form.printed))
        const csv = SessionsCsv.header() + SessionsCsv.encodeRows()(sessions)
        assert.deepStrictEqual(cellsOf(csv), form.cells === undefined ? [] : [form.cells])
        assert.deepStrictEqual(report.ignoredValues, counted(form.ignored))
        assert.deepStrictEqual(
          unreadable.map((row) => [row.reason, row.page, row.index, exact(SessionsNdjson.encodeUnreadable(row))]),
          form.unreadable === undefined ? [] : [[form.unreadable, 1, 0, exact(form.sent)]]
        )
        assert.strictEqual(report.unreadableRows, unreadable.length)
        assert.strictEqual(report.completeness.status, "proven")
      }).pipe(Effect.scoped)
    )
  }

  for (const [index, form] of pageForms.entries()) {
    it.live(`${form.ids === undefined ? "stops at" : "reads"} a page: ${form.about}`, () =>
      Effect.gen(function* () {
        const { urlOf } = yield* formServer
        const read = readForms(urlOf(pageList(index)))
        if (form.ids === undefined) {
          const { reason } = yield* Effect.flip(read)
          assert.strictEqual(reason._tag, "UnexpectedResponse")
          return
        }
        const { report, sessions } = yield* read
        assert.deepStrictEqual<unknown>(
          sessions.map(({ id }) => id),
          form.ids
        )
        assertReport(report, form)
      }).pipe(Effect.scoped)
    )
  }
})

const printedOf = (text: string | undefined): ReadonlyArray<unknown> => (text === undefined ? [] : [exact(text)])

/** What the report of a page form says; the page may have been read more than once. */
const assertReport = (report: ScanReport, { ignored = [], total }: PageForm) => {
  assert.deepStrictEqual(Object.keys(report.ignoredValues), ignored)
  assert.strictEqual(report.totalCountFirst, total)
  assert.strictEqual(report.completeness.status, total === undefined ? "unproven" : "proven")
}

/** What the report of all rows says. */
const assertWholeReport = ({ completeness, ignoredValues, unreadableRows }: ScanReport) => {
  assert.deepStrictEqual(ignoredValues, ignoredInRows)
  assert.strictEqual(unreadableRows, apart.length)
  assert.strictEqual(completeness.status, "proven")
}

const eachPage = <E, R>(use: (form: PageForm, list: string) => Effect.Effect<void, E, R>) =>
  Effect.forEach(pageForms, (form, index) => use(form, pageList(index)), { concurrency: 3, discard: true })

describe("hb-sessions list", () => {
  it.live(
    "prints every row as NDJSON and CSV, and counts what it left out",
    () =>
      Effect.gen(function* () {
        const { urlOf } = yield* formServer
        const list = (format: string) =>
          Bin.run(cli, ["list", "--all", "--format", format, "--log-format", "json"], environment(urlOf(ALL_ROWS)))
        const ndjson = yield* list("ndjson")
        assert.strictEqual(ndjson.code, 0, ndjson.stderr)
        assert.deepStrictEqual(lines(ndjson.stdout).map(exact), printed.map(exact))
        assertWholeReport(JSON.parse(lines(ndjson.stderr).at(-1) ?? "").report)
        const csv = yield* list("csv")
        assert.deepStrictEqual(cellsOf(csv.stdout), cells)
      }).pipe(Effect.scoped),
    TIMEOUT
  )

  it.live(
    "prints every page, and stops with exit code 7 at what is none",
    () =>
      Effect.gen(function* () {
        const { urlOf } = yield* formServer
        yield* eachPage((form, list) =>
          Effect.gen(function* () {
            const words = ["list", "--all", "--format", "ndjson", "--log-format", "json"]
            const { code, stderr, stdout } = yield* Bin.run(cli, words, environment(urlOf(list)))
            const told = JSON.parse(lines(stderr).at(-1) ?? "")
            if (form.ids === undefined) return assert.deepStrictEqual([form.about, code, stdout], [form.about, 7, ""])
            assert.deepStrictEqual([form.about, code, idsOf(stdout)], [form.about, 0, form.ids])
            assertReport(told.report, form)
          })
        )
      }).pipe(Effect.scoped),
    TIMEOUT
  )
})

const idsOf = (ndjson: string): ReadonlyArray<string> => lines(ndjson).map((line) => JSON.parse(line).id)

describe("hb-sessions-export", () => {
  const run = (url: string, out: string, ...args: ReadonlyArray<string>) =>
    Bin.run(exporter, ["run", "--out", out, ...args], environment(url))

  for (const format of ["csv", "ndjson"]) {
    it.live(`publishes every row as ${format.toUpperCase()}, and those that are no sessions apart`, () =>
      Effect.gen(function* () {
        const { urlOf } = yield* formServer
        const out = join(yield* scratch, "out")
        const read = (path: string) => readFileSync(join(out, path), "utf8")
        const { code, stderr } = yield* run(urlOf(ALL_ROWS), out, "--format", format, "--max-quarantine", "50")
        assert.strictEqual(code, 0, stderr)
        const { files, quarantine, report } = JSON.parse(read("manifest.json"))
        assertWholeReport(report)
        const text = read(files[0].path)
        if (format === "ndjson") assert.deepStrictEqual(lines(text).map(exact), printed.map(exact))
        else assert.deepStrictEqual(cellsOf(text), cells)
        assert.deepStrictEqual(
          lines(read(quarantine.path)).map((line) => [JSON.parse(line).reason, Object(exact(line)).row]),
          apart.map(({ sent, unreadable }) => [unreadable, exact(sent)])
        )
        assert.strictEqual((yield* Bin.run(exporter, ["verify", "--out", out])).code, 0)
      }).pipe(Effect.scoped)
    )
  }

  it.live(
    "publishes every page, and nothing with exit code 7 of what is none",
    () =>
      Effect.gen(function* () {
        const { urlOf } = yield* formServer
        const root = yield* scratch
        yield* eachPage((form, list) =>
          Effect.gen(function* () {
            const out = join(root, list)
            const { code } = yield* run(urlOf(list), out, "--format", "ndjson")
            const isPublished = existsSync(join(out, "manifest.json"))
            if (form.ids === undefined) {
              return assert.deepStrictEqual([form.about, code, isPublished], [form.about, 7, false])
            }
            assert.deepStrictEqual([form.about, code], [form.about, 0])
            const { files, report } = JSON.parse(readFileSync(join(out, "manifest.json"), "utf8"))
            assert.deepStrictEqual(idsOf(readFileSync(join(out, files[0].path), "utf8")), form.ids)
            assertReport(report, form)
          })
        )
      }).pipe(Effect.scoped),
    TIMEOUT
  )
})

describe("hb-sessions-proxy", () => {
  it.live(
    "passes every row and page on as it came, and reads lists of them",
    () =>
      Effect.gen(function* () {
        const { url } = yield* formServer
        const tokens = join(yield* scratch, "tokens.json")
        const created = yield* Bin.run(proxy, ["token", "create", "--name", "forms", "--tokens-file", tokens])
        const serve = ["serve", "--port", "0", "--tokens-file", tokens, "--rate", "0", "--breaker-failures", "1000"]
        const started = yield* Bin.start(proxy, serve, {
          ...environment(url),
          HB_SESSIONS_MAX_REQUESTS_PER_SECOND: "0"
        })
        const served = JSON.parse(started.firstLine).url
        const get = (path: string) =>
          Effect.promise(async () => {
            const response = await fetch(served + path, { headers: { "x-api-key": created.stdout.trim() } })
            const text = Buffer.from(await response.arrayBuffer()).toString("utf8")
            return { status: response.status, text, link: response.headers.get("link") ?? "" }
          })

        for (const [index, form] of rowForms.entries()) {
          const list = rowList(index)
          const page = yield* get(`/api/sessions?status=${list}`)
          assert.deepStrictEqual([page.status, page.text], [200, bodyOf(list, 1)])
          const whole = yield* get(`/v1/sessions.ndjson?status=${list}`)
          const [last = "", ...rows] = lines(whole.text).toReversed()
          assert.deepStrictEqual([form.about, ...rows.map(exact)], [form.about, ...printedOf(form.printed)])
          const { report } = JSON.parse(last)
          assert.deepStrictEqual(report.ignoredValues, counted(form.ignored))
          assert.strictEqual(report.unreadableRows, form.unreadable === undefined ? 0 : 1)
          const csv = yield* get(`/v1/sessions.csv?status=${list}`)
          assert.deepStrictEqual(cellsOf(csv.text), form.cells === undefined ? [] : [form.cells])
        }

        for (const [index, form] of pageForms.entries()) {
          const list = pageList(index)
          const page = yield* get(`/api/sessions?status=${list}`)
          const isJson = isParsed(form.sent)
          assert.deepStrictEqual([form.about, page.status], [form.about, isJson ? 200 : 502])
          if (isJson) assert.strictEqual(page.text, form.sent)
          // Without a total that can be, the page after this one may be there.
          if (form.ids !== undefined && form.total === undefined) assert.include(page.link, 'rel="next"', form.about)
          const whole = yield* get(`/v1/sessions.ndjson?status=${list}`)
          assert.deepStrictEqual([form.about, whole.status], [form.about, form.ids === undefined ? 502 : 200])
          if (form.ids === undefined) continue
          const [last = "", ...rows] = lines(whole.text).toReversed()
          assert.deepStrictEqual<unknown>(
            rows.toReversed().map((line) => JSON.parse(line).id),
            form.ids
          )
          assertReport(JSON.parse(last).report, form)
        }
      }).pipe(Effect.scoped),
    TIMEOUT
  )
})

const isParsed = (text: string): boolean => {
  try {
    JSON.parse(text.replace(/^\uFEFF/, ""))
    return true
  } catch {
    return false
  }
}
