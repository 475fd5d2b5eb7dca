import { assert, describe, it } from "@effect/vitest"
import { parse } from "csv-parse/sync"
import { Effect, Result, Schema, Stream } from "effect"
import { Session } from "../src/Session.ts"
import * as SessionPageJson from "../src/SessionPageJson.ts"
import * as SessionsCsv from "../src/SessionsCsv.ts"
import { fieldPaths } from "./schemasFields.ts"

const AnySession = Schema.toType(Session)

/** Text made of what breaks CSV. */
const Nasty = Schema.Array(
  Schema.Literals(['"', ",", "\r", "\n", "\r\n", "=", "+", "-", "@", "\t", "'", " ", "é", "🦊", "a", "\uFEFF", "＝"])
)

const withTexts = (session: Session, text: string): Session => ({
  ...session,
  id: Schema.decodeSync(Session.schema.fields.id)(`x${text}`),
  status: text,
  launchState: {
    ...session.launchState,
    staticIpId: text,
    solverType: text,
    profile: { ...session.launchState?.profile, id: text }
  }
})

/** Text as readers of CSV accept it. */
const readable = (text: string): string => text.replaceAll("\0", "\uFFFD").toWellFormed()

const readableRow = (row: object): object =>
  Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, typeof value === "string" ? readable(value) : value])
  )

const at = (value: unknown, path: ReadonlyArray<string>): unknown =>
  path.reduce<unknown>((node, key) => (node as Record<string, unknown> | null | undefined)?.[key], value)

/** What a session leaves in a row: -0 is 0, as in JSON, and null and empty text are absent. */
const rowOf = (session: Session, columns: ReadonlyArray<SessionsCsv.ColumnName>) =>
  Object.fromEntries(
    columns.flatMap((name) => {
      const value = at(session, name.split("."))
      return value === undefined || value === null || value === "" ? [] : [[name, value === 0 ? 0 : value]]
    })
  )

const csv = (sessions: ReadonlyArray<Session>, options: SessionsCsv.CsvOptions = {}) =>
  SessionsCsv.header(options) + SessionsCsv.encodeRows(options)(sessions)

const decodeAll = (texts: ReadonlyArray<string>, options: SessionsCsv.CsvDecodeOptions = {}) =>
  Stream.fromIterable(texts).pipe(SessionsCsv.decode(options), Stream.runCollect)

const minimal = (rest: Partial<Session> = {}): Session => ({
  id: Schema.decodeSync(Session.schema.fields.id)("s1"),
  ...rest
})

describe("columns", () => {
  it("has one for every field of the contract, and no other", () => {
    const fields = fieldPaths(Schema.toJsonSchemaDocument(Session)).flatMap(({ isLeaf, path }) =>
      isLeaf ? [path.join(".")] : []
    )
    assert.isAbove(fields.length, 30)
    assert.deepStrictEqual(SessionsCsv.columns.toSorted(), fields.toSorted())
  })

  it("keeps their names and their order", () => {
    assert.strictEqual(
      SessionsCsv.header(),
      "id,teamId,status,createdAt,startTime,endTime,updatedAt,creditsUsed," +
        "launchState.useUltraStealth,launchState.useStealth,launchState.useProxy,launchState.solveCaptchas," +
        "launchState.solverType,launchState.adblock,launchState.trackers,launchState.annoyances," +
        "launchState.screen.width,launchState.screen.height,launchState.enableWebRecording," +
        "launchState.enableVideoWebRecording,launchState.enableLogCapture,launchState.acceptCookies," +
        "launchState.profile.id,launchState.profile.persistChanges,launchState.profile.persistNetworkCache," +
        "launchState.staticIpId,launchState.saveDownloads,launchState.enableWindowManager," +
        "launchState.enableWindowManagerTaskbar,launchState.viewOnlyLiveView,launchState.disablePasswordManager," +
        "launchState.enableAlwaysOpenPdfExternally,launchState.disablePostQuantumKeyAgreement\r\n"
    )
  })

  it("are read from text", () => {
    assert.deepStrictEqual(Result.getOrThrow(SessionsCsv.parseColumns(" status, id ,launchState.screen.width")), [
      "status",
      "id",
      "launchState.screen.width"
    ])
  })

  it.each([
    ["", "no column is named; the columns of the contract are id,teamId,"],
    ["id,status,id", 'the column "id" is named twice'],
    ["id,liveUrl", '"liveUrl" grants access to a running browser, so it is never a column']
  ])("rejects %j", (text, message) => {
    const error = Result.getOrThrow(Result.flip(SessionsCsv.parseColumns(text)))
    assert.isTrue(error.message.startsWith(message), error.message)
  })
})

/** A session with every kind of cell, in which numbers and times start like formulas. */
const withFormula = (text: string) =>
  withTexts(
    minimal({ createdAt: -70_000_000_000_000, creditsUsed: -1.5, launchState: { screen: { width: -0.25 } } }),
    text
  )

describe("encode", () => {
  it("writes RFC 4180, ISO 8601 and empty cells", () => {
    const session = minimal({
      teamId: null as never,
      status: 'a "quoted", one',
      createdAt: 0,
      startTime: 1_750_000_000_001,
      endTime: null,
      creditsUsed: -1.5,
      launchState: { useProxy: true, useStealth: false, profile: { id: "two\r\nlines" } }
    })
    const columns = [
      "id",
      "teamId",
      "status",
      "createdAt",
      "startTime",
      "endTime",
      "creditsUsed",
      "launchState.useProxy",
      "launchState.useStealth",
      "launchState.profile.id"
    ] as const
    assert.strictEqual(
      SessionsCsv.encodeRows({ columns })([session]),
      's1,,"a ""quoted"", one",1970-01-01T00:00:00.000Z,2025-06-15T15:06:40.001Z,,-1.5,true,false,"two\r\nlines"\r\n'
    )
  })

  it("guards texts against formulas, and never numbers, times or booleans", () => {
    const columns = [
      "id",
      "status",
      "createdAt",
      "creditsUsed",
      "launchState.staticIpId",
      "launchState.screen.width"
    ] as const
    const row = SessionsCsv.encodeRows({ columns, dialect: "spreadsheet" })
    const time = "-000249-10-15T19:33:20.000Z"
    for (const text of ["=1+1", "+1", "-1.5", "@SUM(A1)", "'=1", "＝1"]) {
      assert.strictEqual(row([withFormula(text)]), `x${text},'${text},${time},-1.5,'${text},-0.25\r\n`)
    }
    assert.strictEqual(row([withFormula("\t=1")]), `x\t=1,'\t=1,${time},-1.5,'\t=1,-0.25\r\n`)
    assert.strictEqual(row([withFormula("\r=1")]), `"x\r=1","'\r=1",${time},-1.5,"'\r=1",-0.25\r\n`)
    assert.strictEqual(row([withFormula("a=1")]), `xa=1,a=1,${time},-1.5,a=1,-0.25\r\n`)
    assert.strictEqual(row([withFormula("'a")]), `x'a,'a,${time},-1.5,'a,-0.25\r\n`)
  })

  it("leaves texts as they are in the plain dialect", () => {
    assert.strictEqual(SessionsCsv.encodeRows({ columns: ["status"] })([minimal({ status: "=1" })]), "=1\r\n")
  })

  it("never writes a secret, and no other key that is not asked for", () => {
    const session = minimal({ token: "hidden-1", liveUrl: "hidden-2", launchState: { wsEndpoint: "hidden-3" } })
    assert.notInclude(csv([session]), "hidden")
    assert.notInclude(csv([session], { columns: ["id", "launchState", "more"] }), "hidden")
    assert.notInclude(csv([minimal({ more: [{ accessToken: "hidden" }] })], { columns: ["more", "more.0"] }), "hidden")
    assert.throws(() => SessionsCsv.encodeRows({ columns: ["more.accessToken"] }), /grants access/)
  })

  it("writes keys outside the contract by their path: text, numbers, objects as JSON, and nothing for nothing", () => {
    const columns = ["sessionUrl", "creditBreakdown.used", "creditBreakdown", "tags", "tags.1", "none", "none.below"]
    const rows = SessionsCsv.encodeRows({ columns, dialect: "spreadsheet" })
    const session = minimal({ sessionUrl: "=1+1", creditBreakdown: { used: -2 }, tags: ["a", true], none: null })
    assert.strictEqual(rows([session, minimal()]), `'=1+1,-2,"{""used"":-2}","[""a"",true]",true,,\r\n,,,,,,\r\n`)
  })

  it("quotes names in the header, and guards them against formulas", () => {
    const columns = ["a\\,b", "=1", "\0"]
    assert.strictEqual(SessionsCsv.header({ columns, dialect: "spreadsheet" }), `"a\\,b",'=1,\uFFFD\r\n`)
  })

  it("writes numbers that JavaScript cannot hold as they were sent", () => {
    const text =
      '{"sessions":[{"id":"a","creditsUsed":9007199254740993,"createdAt":null,"n":0.12345678901234567891,' +
      '"deep":{"big":[-9007199254740995]},"status":null}]}'
    const { sessions } = Result.getOrThrow(SessionPageJson.decode(text))
    const columns = ["creditsUsed", "createdAt", "n", "deep", "deep.big.0", "status"]
    assert.strictEqual(
      SessionsCsv.encodeRows({ columns })(sessions),
      '9007199254740993,,0.12345678901234567891,"{""big"":[-9007199254740995]}",-9007199254740995,\r\n'
    )
  })

  it.effect("replaces * by all that the first sessions have, and tells what came later", () =>
    Effect.gen(function* () {
      const first = Array.from({ length: 1000 }, (_, index) =>
        minimal({ zeta: index, nested: { "a.b": 1, token: "hidden" }, launchState: { extra: null }, empty: {} })
      )
      const reports: Array<unknown> = []
      const texts = yield* Stream.fromArrays(first as [Session, ...Array<Session>], [
        minimal({ late: 1, nested: { later: 2 }, empty: { x: 1 } })
      ]).pipe(
        SessionsCsv.encode({
          columns: ["status", "*"],
          onColumns: (report) => Effect.sync(() => reports.push(report))
        }),
        Stream.runCollect
      )
      const others = SessionsCsv.columns.filter((name) => name !== "status").join(",")
      assert.isTrue(texts[0]?.startsWith(`status,${others},empty,launchState.extra,nested.a\\.b,zeta\r\n`), texts[0])
      assert.notInclude(texts.join(""), "hidden")
      assert.isTrue(texts.at(-1)?.endsWith(',"{""x"":1}",,,\r\n'), texts.at(-1))
      assert.deepStrictEqual(reports, [{ empty: [], leftOut: ["late", "nested.later"] }])
    })
  )

  it("marks an empty cell that is alone on its line", () => {
    assert.strictEqual(
      csv([minimal(), minimal({ status: "closed" })], { columns: ["status"] }),
      'status\r\n""\r\nclosed\r\n'
    )
  })

  it.effect("puts the header before the first chunk, once, after the byte order mark", () =>
    Effect.gen(function* () {
      const texts = yield* Stream.fromArrays([minimal(), minimal()], [minimal()]).pipe(
        SessionsCsv.encode({ columns: ["id"], bom: true }),
        Stream.runCollect
      )
      assert.deepStrictEqual(texts, ["\uFEFFid\r\ns1\r\ns1\r\n", "s1\r\n"])
    })
  )

  it.effect("writes the header alone when there is no session", () =>
    Effect.gen(function* () {
      const texts = yield* Stream.runCollect(SessionsCsv.encode({ columns: ["id"] })(Stream.empty))
      assert.deepStrictEqual(texts, ["id\r\n"])
    })
  )

  it.effect("writes nothing when the stream fails before its first session", () =>
    Effect.gen(function* () {
      const texts: Array<string> = []
      const error = yield* Stream.fail("no").pipe(
        SessionsCsv.encode(),
        Stream.runForEach((text) => Effect.sync(() => texts.push(text))),
        Effect.flip
      )
      assert.deepStrictEqual([error, texts], ["no", []])
    })
  )

  it.effect.prop("is read alike by another parser", [Schema.Array(AnySession), Nasty], ([sessions, nasty]) =>
    Effect.sync(() => {
      const all = [minimal(), ...sessions].map((session) => withTexts(session, nasty.join("")))
      const records = parse(csv(all, { bom: true }), { bom: true, columns: true, record_delimiter: "\r\n" })
      const texts = all.map((session) =>
        Object.fromEntries(
          SessionsCsv.columns.map((name) => {
            const value = at(session, name.split(".")) ?? ""
            const isTime = name.endsWith("Time") || name.endsWith("At")
            return [name, isTime && typeof value === "number" ? new Date(value).toISOString() : readable(String(value))]
          })
        )
      )
      assert.deepStrictEqual(records, texts)
    })
  )

  it("writes what no reader accepts as U+FFFD", () => {
    const rows = SessionsCsv.encodeRows({ columns: ["id", "status"] })
    const session = {
      ...minimal(),
      id: Schema.decodeSync(Session.schema.fields.id)("a\0b"),
      status: "\uD800,\0 \u{1F600}"
    }
    assert.strictEqual(rows([session]), 'a\uFFFDb,"\uFFFD,\uFFFD \u{1F600}"\r\n')
  })

  it.effect.prop(
    "writes times as Date does",
    [Schema.Int.check(Schema.isBetween({ minimum: -8.64e15, maximum: 8.64e15 }))],
    ([time]) =>
      Effect.sync(() => {
        const rows = SessionsCsv.encodeRows({ columns: ["createdAt"] })
        const near = [time, Math.min(time + 1, 8.64e15), Math.max(time - 1, -8.64e15)]
        assert.strictEqual(
          rows(near.map((createdAt) => minimal({ createdAt }))),
          near.map((millis) => `${new Date(millis).toISOString()}\r\n`).join("")
        )
      })
  )
})

const Chosen = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: SessionsCsv.columns.length - 1 })))

describe("decode", () => {
  for (const dialect of ["plain", "spreadsheet"] as const) {
    it.effect.prop(
      `gives the rows of the ${dialect} dialect back`,
      [Schema.Array(AnySession), Nasty, Chosen, Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 9 }))],
      ([sessions, nasty, chosen, size]) =>
        Effect.gen(function* () {
          const picked = [...new Set(chosen)].map((index) => SessionsCsv.columns[index] ?? "id")
          const columns = picked.length === 0 ? SessionsCsv.columns : picked
          const all = [
            ...sessions,
            ...sessions.map((session) => withTexts(session, nasty.join(""))),
            withTexts(minimal(), nasty.join(""))
          ]
          const text = csv(all, { columns, dialect, bom: true })
          const pieces = text.match(new RegExp(`[^]{1,${size * 7}}`, "g")) ?? []
          const rows = yield* decodeAll(pieces, { dialect })
          assert.deepStrictEqual(rows, all.map((session) => readableRow(rowOf(session, columns))) as never)
        })
    )
  }

  it.effect("accepts other line ends, empty lines and any order of columns", () =>
    Effect.gen(function* () {
      const rows = yield* decodeAll(["creditsUsed,id,createdAt\n-1.5,a,2025-01-01T00:00:00Z\n\n,b,\n"])
      assert.deepStrictEqual(rows as unknown, [
        { creditsUsed: -1.5, id: "a", createdAt: 1_735_689_600_000 },
        { id: "b" }
      ])
    })
  )

  it.effect.each([
    ["", "CSV record 1: there is no header"],
    ["id,id\r\n", 'CSV record 1, column id: the column "id" is named twice'],
    ["id,token\r\n", 'CSV record 1, column token: "token" grants access to a running browser, so it is never a column'],
    ["id,status\r\na\r\n", "CSV record 2: 2 cells expected, 1 found"],
    ['id\r\na"b\r\n', "CSV record 2: Unexpected quote in an unquoted field"],
    ['id\r\n"a', "CSV record 2: Unterminated quoted field"],
    ["id,creditsUsed\r\na,1\r\nb,zwei\r\n", "CSV record 3, column creditsUsed:"],
    ["id,creditsUsed\r\na,0x10\r\n", "CSV record 2, column creditsUsed:"],
    ["id,creditsUsed\r\na, 1\r\n", "CSV record 2, column creditsUsed:"],
    ["id,createdAt\r\na,yesterday\r\n", "CSV record 2, column createdAt:"],
    ["id,launchState.useProxy\r\na,yes\r\n", "CSV record 2, column launchState.useProxy:"]
  ] as const)("rejects %j", ([text, message]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(decodeAll([text]))
      assert.isTrue(error.message.startsWith(message), error.message)
      assert.notInclude(error.message, "zwei")
    })
  )

  it.effect("gives cells of other columns back as text", () =>
    Effect.gen(function* () {
      const session = minimal({ duration: 12, creditBreakdown: { used: 1 }, createdAt: 0 })
      const text = csv([session], { columns: ["createdAt", "duration", "creditBreakdown", "__proto__"] })
      assert.deepStrictEqual(yield* decodeAll([text]), [
        { createdAt: 0, duration: "12", creditBreakdown: '{"used":1}' }
      ] as never)
      const rows = yield* decodeAll(["createdAt,__proto__\r\n2025-01-01,x\r\n1735689600000,y\r\n"])
      assert.deepStrictEqual(
        rows.map((row) => Object.entries(row)),
        ["x", "y"].map((value): Array<[string, unknown]> => [
          ["createdAt", 1_735_689_600_000],
          ["__proto__", value]
        ])
      )
    })
  )

  it.effect("passes a failure of the input on", () =>
    Effect.gen(function* () {
      const error = yield* Stream.fail("no").pipe(SessionsCsv.decode(), Stream.runDrain, Effect.flip)
      assert.strictEqual(error, "no")
    })
  )
})
