/**
 * Columns outside the contract, in every format.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { parse as parseCsv } from "csv-parse/sync"
import { parse as parseYaml } from "yaml"
import { KEY, lines, rows, run, withServer } from "./Cli.ts"

const PAGE = 250

/** Serves rows given as JSON texts, so that their numbers are sent as they are. */
const serving = <A, E, R>(
  sent: ReadonlyArray<string>,
  use: (list: (...args: ReadonlyArray<string>) => ReturnType<typeof run>) => Effect.Effect<A, E, R>
) =>
  withServer(
    ({ url = "" }, response) => {
      const page = Number(new URL(url, "http://127.0.0.1").searchParams.get("page") ?? 1)
      const sessions = sent.slice((page - 1) * PAGE, page * PAGE).join(",")
      response
        .writeHead(200, { "content-type": "application/json" })
        .end(`{"sessions":[${sessions}],"totalCount":${sent.length},"page":${page},"pageSize":${PAGE}}`)
    },
    (env) => use((...args) => run(["list", ...args], { env: { HYPERBROWSER_API_KEY: KEY, ...env } }))
  )

const idOf = (index: number) => `00000000-0000-4000-8000-${String(index).padStart(12, "0")}`

const row = (index: number, more = "") =>
  `{"id":"${idOf(index)}","status":"closed","createdAt":"${new Date(1_700_000_000_000 - index * 1000).toISOString()}"${more}}`

const vendor = [
  row(
    0,
    ',"sessionUrl":"https://app/0","duration":12,"proxyDataConsumed":"9007199254740993","creditBreakdown":{"proxyDataCreditsUsed":0.5,"apiToken":"hidden"},"token":"hidden","tags":["a",{"liveUrl":"hidden"}],"big":9007199254740993'
  ),
  row(1, ',"sessionUrl":null,"duration":9,"proxyDataConsumed":"12","creditBreakdown":null')
]

const named = "id,sessionUrl,creditBreakdown.proxyDataCreditsUsed,duration,proxyDataConsumed,big,tags"

describe("keys outside the contract", () => {
  it.live("are columns by their path in every format, numbers as they were sent", () =>
    serving(vendor, (list) =>
      Effect.gen(function* () {
        const csv = yield* list("--columns", named, "--format", "csv")
        assert.strictEqual(csv.stderr, "")
        assert.strictEqual(
          csv.stdout,
          `${named}\r\n${idOf(0)},https://app/0,0.5,12,9007199254740993,9007199254740993,"[""a"",{}]"\r\n${idOf(1)},,,9,12,,\r\n`
        )
        const tsv = lines((yield* list("--columns", named, "--format", "tsv")).stdout)
        assert.deepStrictEqual(
          tsv[1]?.split("\t").slice(1),
          csvCells('https://app/0,0.5,12,9007199254740993,9007199254740993,"[""a"",{}]"')
        )
        const first =
          `{"id":"${idOf(0)}","sessionUrl":"https://app/0","creditBreakdown":{"proxyDataCreditsUsed":0.5},"duration":12,` +
          '"proxyDataConsumed":"9007199254740993","big":9007199254740993,"tags":["a",{}]}'
        assert.strictEqual(lines((yield* list("--columns", named, "--format", "ndjson")).stdout)[0], first)
        assert.include((yield* list("--columns", named, "--format", "json")).stdout, first)
        const yaml = (yield* list("--columns", named, "--format", "yaml")).stdout
        assert.include(yaml, "big: 9007199254740993\n")
        assert.deepStrictEqual(parseYaml(yaml)[1].duration, 9)
        const table = (yield* list("--columns", "id,duration,creditBreakdown", "--format", "table")).stdout
        assert.match(table, /duration +creditBreakdown\n.*12 +\{"proxyDataCreditsUsed":0\.5\}\n.*9 +-/)
      })
    )
  )

  it.live("are all columns with *, but for secrets", () =>
    serving(vendor, (list) =>
      Effect.gen(function* () {
        const { stderr, stdout } = yield* list("--columns", "duration,*", "--format", "csv")
        assert.strictEqual(stderr, "")
        const header = lines(stdout)[0]?.trim().split(",") ?? []
        assert.deepStrictEqual(header.slice(0, 3), ["duration", "id", "teamId"])
        assert.deepStrictEqual(header.slice(34), [
          "big",
          "creditBreakdown.proxyDataCreditsUsed",
          "proxyDataConsumed",
          "sessionUrl",
          "tags"
        ])
        for (const format of ["csv", "tsv", "table", "json", "ndjson", "yaml"]) {
          const text = (yield* list("--columns", "*", "--format", format)).stdout
          assert.notInclude(text, "hidden")
          assert.notInclude(text, "apiToken")
          assert.match(text, /creditBreakdown(?:\.|":\{"|:\n {4})proxyDataCreditsUsed/)
          assert.include(text, "sessionUrl")
        }
      })
    )
  )

  it.live("that come only after the first 1,000 sessions are reported, and NDJSON has them", () => {
    const sent = Array.from({ length: 1500 }, (_, index) =>
      row(index, index === 900 ? ',"early":1' : index === 1400 ? ',"late":{"deep":1,"token":1}' : "")
    )
    return serving(sent, (list) =>
      Effect.gen(function* () {
        const { code, stderr, stdout } = yield* list("--all", "--quiet", "--columns", "id,*", "--format", "csv")
        const parsed = parseCsv(stdout, { columns: true, record_delimiter: "\r\n" }) as ReadonlyArray<
          Record<string, string>
        >
        assert.deepStrictEqual(
          [code, parsed.length, parsed[900]?.["early"], parsed[1400]?.["late.deep"]],
          [0, 1500, "1", undefined]
        )
        assert.strictEqual(
          stderr,
          'no column has 1 key that came after the first 1,000 sessions, or after 500 columns: "late.deep"; name them in --columns, or add --format ndjson\n'
        )
        const alone = yield* list("--all", "--quiet", "--columns", "id,late.deep", "--format", "csv")
        assert.include(alone.stdout, `${idOf(1400)},1\r\n`)
        const ndjson = rows((yield* list("--all", "--quiet", "--columns", "*", "--format", "ndjson")).stdout)
        assert.deepStrictEqual([ndjson[1400]?.["late"], Object.hasOwn(ndjson[0] ?? {}, "late")], [{ deep: 1 }, false])
      })
    )
  })

  it.live("that no session has are reported, with what was probably meant", () =>
    serving(vendor, (list) =>
      Effect.gen(function* () {
        const { code, stderr, stdout } = yield* list("--columns", "id,stauts", "--format", "csv")
        assert.deepStrictEqual([code, stdout], [0, `id,stauts\r\n${idOf(0)},\r\n${idOf(1)},\r\n`])
        assert.include(stderr, 'no session has "stauts"; did you mean "status"?\n')
        assert.include(
          (yield* list("--sort", "creditUsed")).stderr,
          'no session has "creditUsed"; did you mean "creditsUsed"?\n'
        )
      })
    )
  )

  it.live("can be sorted by, text that is a number as one", () =>
    serving(vendor, (list) =>
      Effect.gen(function* () {
        const sorted = rows((yield* list("--sort", "proxyDataConsumed", "--format", "ndjson")).stdout)
        assert.deepStrictEqual(
          sorted.map(({ id }) => id),
          [idOf(1), idOf(0)]
        )
      })
    )
  )

  it.live("are none of an empty list: * has the columns of the contract", () =>
    serving([], (list) =>
      Effect.gen(function* () {
        const { stderr, stdout } = yield* list("--columns", "*", "--format", "csv")
        assert.deepStrictEqual([stderr, stdout.split(",").length], ["", 33])
      })
    )
  )
})

const csvCells = (line: string): ReadonlyArray<string> => parseCsv(line)[0] ?? []
