/**
 * The CSV, read back by programs that know nothing of this one.
 */
import { assert, describe, it } from "@effect/vitest"
import { parse } from "csv-parse/sync"
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { environment, hasProgram, run, scratch } from "./support.ts"

const texts = [
  'quotes " and "" and "',
  "commas, and ; and \t tabs",
  "line\nbreaks\r\nof both\rkinds",
  "emoji 👩‍👩‍👧 é ü ﷽ 漢字",
  '=HYPERLINK("http://example.com")',
  "+1",
  "-1",
  "@SUM(A1)",
  " spaces around ",
  '"',
  ",",
  "\n",
  "x".repeat(100_000),
  `${'"'.repeat(50_000)}\n${",".repeat(50_000)}`
]

const sessions = texts.map((text, index) => ({
  id: `id-${index}`,
  status: text,
  creditsUsed: index - 7.25,
  launchState: { staticIpId: text, profile: { id: text } }
}))

const expected = sessions.map(({ creditsUsed, id, launchState, status }) => [
  id,
  status,
  String(creditsUsed),
  launchState.staticIpId
])

const args = ["--columns", "id,status,creditsUsed,launchState.staticIpId"]

/** A server of these sessions on one page. */
const server = Effect.acquireRelease(
  Effect.promise(async () => {
    const listening = createServer((request, response) => {
      const page = Number(new URL(request.url ?? "", "http://localhost").searchParams.get("page"))
      const body = { sessions: page === 1 ? sessions : [], totalCount: sessions.length, page, pageSize: 50 }
      response.end(JSON.stringify(body))
    }).listen(0, "127.0.0.1")
    await once(listening, "listening")
    return listening
  }),
  (listening) =>
    Effect.sync(() => {
      listening.close()
      listening.closeAllConnections()
    })
)

const publish = Effect.fnUntraced(function* (...more: ReadonlyArray<string>) {
  const { port } = (yield* server).address() as AddressInfo
  const out = yield* scratch
  const env = environment({ apiKey: "key", url: `http://127.0.0.1:${port}` })
  assert.strictEqual((yield* run(env, "run", "--out", out, ...args, ...more)).code, 0)
  return join(out, "sessions.csv")
})

const python = [
  "-c",
  "import csv, json, sys; csv.field_size_limit(10**7); print(json.dumps(list(csv.reader(open(sys.argv[1], newline='', encoding='utf-8')))))"
]

const hasPython = hasProgram("python3", "-c", "import csv")
const hasMiller = hasProgram("mlr", "--version")

describe("a cell is the same to every reader", () => {
  it.live("csv-parse", () =>
    Effect.gen(function* () {
      const rows: ReadonlyArray<ReadonlyArray<string>> = parse(readFileSync(yield* publish()))
      assert.deepStrictEqual(rows.slice(1), expected)
    }).pipe(Effect.scoped)
  )

  it.live.skipIf(!hasPython)("Python", () =>
    Effect.gen(function* () {
      const file = yield* publish()
      const rows: ReadonlyArray<ReadonlyArray<string>> = JSON.parse(
        execFileSync("python3", [...python, file], { encoding: "utf8", maxBuffer: 1e8 })
      )
      assert.deepStrictEqual(rows.slice(1), expected)
    }).pipe(Effect.scoped)
  )

  it.live.skipIf(!hasMiller)("Miller", () =>
    Effect.gen(function* () {
      const file = yield* publish()
      const rows: ReadonlyArray<Record<string, string>> = JSON.parse(
        execFileSync("mlr", ["--icsv", "--ojson", "--no-auto-unflatten", "--jvquoteall", "-S", "cat", file], {
          encoding: "utf8",
          maxBuffer: 1e8
        })
      )
      // Miller itself turns CRLF inside of a cell into LF.
      const read = rows.map((row) => Object.values(row))
      assert.deepStrictEqual(
        read,
        expected.map((cells) => cells.map((cell) => cell.replaceAll("\r\n", "\n")))
      )
    }).pipe(Effect.scoped)
  )

  it.live("the spreadsheet dialect guards texts, and never numbers", () =>
    Effect.gen(function* () {
      const rows: ReadonlyArray<ReadonlyArray<string>> = parse(readFileSync(yield* publish("--dialect", "spreadsheet")))
      const formulas = /^'*[=+\-@\t\r\n]/
      assert.deepStrictEqual(
        rows.slice(1),
        expected.map(([id = "", status = "", credits = "", ip = ""]) => [
          id,
          formulas.test(status) ? `'${status}` : status,
          credits,
          formulas.test(ip) ? `'${ip}` : ip
        ])
      )
    }).pipe(Effect.scoped)
  )
})
