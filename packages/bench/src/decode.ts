/**
 * `decode`: the text of a page of 100 sessions to typed values, `JSON.parse` included.
 */
import * as SessionPageJson from "@hb-sessions/core/SessionPageJson"
import { SessionPage } from "@hb-sessions/core/SessionPage"
import { Ajv } from "ajv"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { Type } from "typebox"
import { Compile } from "typebox/compile"
import * as v from "valibot"
import * as z from "zod"
import { compare } from "./Comparison.ts"
import { above, atLeast, comparisonTable, ratioTo, type Section } from "./Report.ts"
import { pageText } from "./samples.ts"

const PAGES = 1000

/** Measured by leaving parts out; the bound is a contestant. */
const CAUSE =
  "Of what a page takes beyond `JSON.parse`, six tenths reads 330 times and the rest checks every value: alone in a process it is 0.79×, with times unread, as `JSON.parse` leaves them, 0.92×, and with nothing checked 0.86×. What bounds it is in the table: built-in functions that read the times, with nothing checked, take longer than ours."
const SIZE = 100

const flags = [
  "useUltraStealth",
  "useStealth",
  "useProxy",
  "solveCaptchas",
  "adblock",
  "trackers",
  "annoyances",
  "enableWebRecording",
  "enableVideoWebRecording",
  "enableLogCapture",
  "acceptCookies",
  "saveDownloads",
  "enableWindowManager",
  "enableWindowManagerTaskbar",
  "viewOnlyLiveView",
  "disablePasswordManager",
  "enableAlwaysOpenPdfExternally",
  "disablePostQuantumKeyAgreement"
] as const

const each = <A>(value: A): Record<(typeof flags)[number], A> =>
  Object.fromEntries(flags.map((flag) => [flag, value])) as Record<(typeof flags)[number], A>

/** As tolerant as ours: unknown keys pass, only `sessions` and `id` are required. None of them reads the times. */
const zodPage = (() => {
  const o = z.optional
  const launch = z.looseObject({
    ...each(o(z.boolean())),
    solverType: o(z.string()),
    staticIpId: o(z.string()),
    screen: o(z.looseObject({ width: o(z.number()), height: o(z.number()) })),
    profile: o(
      z.looseObject({ id: o(z.string()), persistChanges: o(z.boolean()), persistNetworkCache: o(z.boolean()) })
    )
  })
  const time = o(z.nullable(z.union([z.string(), z.number()])))
  const session = z.looseObject({
    id: z.string().min(1),
    teamId: o(z.string()),
    status: o(z.string()),
    startTime: time,
    endTime: time,
    createdAt: o(z.string()),
    updatedAt: o(z.string()),
    launchState: o(z.nullable(launch)),
    creditsUsed: o(z.nullable(z.number()))
  })
  return z.looseObject({
    sessions: z.array(session),
    totalCount: o(z.number()),
    page: o(z.number()),
    pageSize: o(z.number())
  })
})()

const valibotPage = (() => {
  const o = <S extends v.GenericSchema>(schema: S) => v.optional(schema)
  const launch = v.looseObject({
    ...each(o(v.boolean())),
    solverType: o(v.string()),
    staticIpId: o(v.string()),
    screen: o(v.looseObject({ width: o(v.number()), height: o(v.number()) })),
    profile: o(
      v.looseObject({ id: o(v.string()), persistChanges: o(v.boolean()), persistNetworkCache: o(v.boolean()) })
    )
  })
  const time = o(v.nullable(v.union([v.string(), v.number()])))
  const session = v.looseObject({
    id: v.pipe(v.string(), v.minLength(1)),
    teamId: o(v.string()),
    status: o(v.string()),
    startTime: time,
    endTime: time,
    createdAt: o(v.string()),
    updatedAt: o(v.string()),
    launchState: o(v.nullable(launch)),
    creditsUsed: o(v.nullable(v.number()))
  })
  return v.looseObject({
    sessions: v.array(session),
    totalCount: o(v.number()),
    page: o(v.number()),
    pageSize: o(v.number())
  })
})()

const jsonSchemaPage = (() => {
  const o = Type.Optional
  const nullable = <S extends Parameters<typeof Type.Optional>[0]>(schema: S) => Type.Union([schema, Type.Null()])
  const launch = Type.Object({
    ...each(o(Type.Boolean())),
    solverType: o(Type.String()),
    staticIpId: o(Type.String()),
    screen: o(Type.Object({ width: o(Type.Number()), height: o(Type.Number()) })),
    profile: o(
      Type.Object({ id: o(Type.String()), persistChanges: o(Type.Boolean()), persistNetworkCache: o(Type.Boolean()) })
    )
  })
  const time = o(Type.Union([Type.String(), Type.Number(), Type.Null()]))
  const session = Type.Object({
    id: Type.String({ minLength: 1 }),
    teamId: o(Type.String()),
    status: o(Type.String()),
    startTime: time,
    endTime: time,
    createdAt: o(Type.String()),
    updatedAt: o(Type.String()),
    launchState: o(nullable(launch)),
    creditsUsed: o(nullable(Type.Number()))
  })
  return Type.Object({
    sessions: Type.Array(session),
    totalCount: o(Type.Number()),
    page: o(Type.Number()),
    pageSize: o(Type.Number())
  })
})()

const BUILT_IN = "`JSON.parse`, `Date.parse` and `Number`: no check, times read"

/** The least that gives epoch milliseconds. */
const withTimes = (page: { readonly sessions: Array<Record<string, unknown>> }) => {
  for (const session of page.sessions) {
    if (session.startTime !== null) session.startTime = Number(session.startTime)
    if (session.endTime !== null) session.endTime = Number(session.endTime)
    session.createdAt = Date.parse(String(session.createdAt))
    session.updatedAt = Date.parse(String(session.updatedAt))
  }
  return page
}

export const decode = async (rounds: number): Promise<Section> => {
  const text = pageText(SIZE)
  const repeat = (read: (text: string) => { readonly sessions: ReadonlyArray<unknown> }) => async () => {
    let sessions = 0
    for (let i = 0; i < PAGES; i++) sessions += read(text).sessions.length
    return sessions
  }
  const checked = (check: (value: unknown) => boolean) => (json: string) => {
    const value = JSON.parse(json)
    if (!check(value)) throw new Error("a valid page was rejected")
    return value
  }
  const ajv = new Ajv().compile(jsonSchemaPage)
  const typebox = Compile(jsonSchemaPage)
  const interpreted = Schema.decodeUnknownSync(SessionPage)
  const results = await compare({
    rounds,
    warmups: 2,
    contestants: [
      { name: "@hb-sessions/core", run: repeat((json) => Result.getOrThrow(SessionPageJson.decode(json))) },
      { name: "`JSON.parse` alone: no check, times unread", run: repeat((json) => JSON.parse(json)) },
      { name: BUILT_IN, run: repeat((json) => withTimes(JSON.parse(json))) },
      { name: "zod 4 (times unread)", run: repeat((json) => zodPage.parse(JSON.parse(json))) },
      { name: "valibot (times unread)", run: repeat((json) => v.parse(valibotPage, JSON.parse(json))) },
      { name: "ajv, compiled (check only, times unread)", run: repeat(checked((value) => ajv(value))) },
      { name: "typebox, compiled (check only, times unread)", run: repeat(checked((value) => typebox.Check(value))) },
      { name: "the same schema, interpreted by Effect", run: repeat((json) => interpreted(JSON.parse(json))) }
    ]
  })
  const copying = Math.min(...["zod", "valibot", "the same schema"].map((name) => ratioTo(results, name)))
  return {
    name: "decode",
    work: `Read a page of ${SIZE} sessions (${Math.round(text.length / 1000)} kB) ${PAGES.toLocaleString("en")} times. Only ours and Effect's interpreter also turn four times a session into epoch milliseconds.`,
    tables: [comparisonTable(results, "ms")],
    claims: [
      above("speed relative to the fastest that copies", 1, copying),
      atLeast("speed relative to `JSON.parse` alone", 0.9, ratioTo(results, "`JSON.parse` alone"), { cause: CAUSE })
    ]
  }
}
