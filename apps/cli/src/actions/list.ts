/**
 * Lists sessions: a part of them, one page, or all with a report.
 */
import type { AppError } from "@hb-sessions/app-kit/AppError"
import type { OutputFile } from "@hb-sessions/app-kit/OutputFile"
import type { Session } from "@hb-sessions/core/Session"
import * as Sessions from "@hb-sessions/core/Sessions"
import { SessionsClient } from "@hb-sessions/core/SessionsClient"
import type { ScanReport } from "@hb-sessions/core/ScanReport"
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Api from "../api/Api.ts"
import type { ListInput } from "../commands/list.ts"
import type { Encoder } from "../formats/Encoder.ts"
import { formats } from "../formats/formats.ts"
import { jqFormat } from "../formats/jq.ts"
import { rendered } from "../formats/rendered.ts"
import { named, openOutput } from "../output.ts"
import * as settings from "../settings/settings.ts"
import * as Progress from "../terminal/Progress.ts"
import { show } from "../terminal/Pager.ts"
import { Screen } from "../terminal/Screen.ts"
import { Talk } from "../terminal/Talk.ts"
import { counted, painter } from "../terminal/text.ts"
import { timesIn } from "../terminal/times.ts"
import type { Chunk, Chunks } from "./Chunk.ts"
import * as columns from "./columns.ts"
import { keptChunks, keptOf } from "./kept.ts"
import type { ResumeFile } from "./ResumeFile.ts"
import { reading, select, type Times, usage } from "./selection.ts"
import { parseSort, sorted } from "./sort.ts"
import { summaryOf, unproven, unreadableOf } from "./summary.ts"

const DEFAULT_LIMIT = 20

/** Sessions a page when the server does not say otherwise; only a guess at how many pages a limit takes. */
const COMMON_PAGE_SIZE = 10

export const list = Effect.fn("list")(
  function* (input: ListInput) {
    yield* checkCombination(input)
    const sort = Option.isNone(input.sort) ? undefined : yield* Effect.fromResult(parseSort(input.sort.value))
    const screen = yield* Screen
    const file = named(input.output)
    const isFile = Option.isSome(file)
    const formatName = yield* settings.format.pipe(
      Config.withDefault(screen.isTerminal && !isFile ? ("table" as const) : ("ndjson" as const))
    )
    const chosen = yield* columns.choose(input, formatName)
    const selected = yield* select(input)
    const kept = yield* keptOf(input, formatName, selected.times)
    const makeEncoder = Option.isNone(input.jq) ? formats[formatName] : yield* jqFormat(input.jq.value)
    const options = {
      isContinued: Option.isSome(input.resume) || kept?.isContinued === true,
      width: isFile ? undefined : yield* screen.width,
      paint: painter(screen.canColor && !isFile),
      times: timesIn(yield* settings.tz),
      isForPeople: screen.isTerminal && !isFile,
      now: yield* Clock.currentTimeMillis,
      dialect: input.dialect
    }
    const encoder = columns.encoderOf(makeEncoder, options, chosen)

    const limit = input.all || Option.isSome(input.page) ? Infinity : Option.getOrElse(input.limit, () => DEFAULT_LIMIT)
    const read = yield* chunksOf(input, limit, selected, kept)
    const output = yield* openOutput(file)
    const sortKey = sort === undefined ? columns.none : columns.watching(sort.column)
    const chunks = columns.watched(read.chunks, sortKey)
    const ordered: Chunks = sort === undefined ? chunks : sorted(chunks, sort, limit)
    const canResume = input.all && !isFile && sort === undefined && formatName !== "json" && !chosen.isOpen
    const written = yield* write(encoder, columns.watched(atMost(ordered, limit), chosen), {
      output,
      file,
      canResume,
      kept,
      isPaged: screen.isTerminal && !isFile && (formatName === "table" || formatName === "yaml"),
      finish: read.finish(input.strict)
    })
    if (written.isComplete) yield* columns.tell(sortKey, chosen)
    yield* afterwards(written, read)
  },
  Effect.scoped,
  (effect, input) =>
    Effect.provide(
      effect,
      Api.layer({
        format: input.format,
        consistency: input.consistency,
        concurrency: input.concurrency,
        page_size: input.pageSize,
        tz: input.tz
      })
    )
)

const checkCombination = Effect.fnUntraced(function* (input: ListInput) {
  const whole = [input.all && "--all", Option.isSome(input.limit) && "--limit", Option.isSome(input.page) && "--page"]
  const given = whole.filter((flag) => flag !== false)
  if (given.length > 1) return yield* usage(`${given.join(" and ")} exclude each other; give one of them`)
  if (input.strict && !input.all) return yield* usage("--strict needs --all, since a part proves nothing; add --all")
  if (input.strict && (yield* reading).consistency === "fast") {
    return yield* usage("--strict needs a proof, which a fast read never gives; add --consistency verified")
  }
  if (Option.isSome(input.jq)) {
    const others = [Option.isSome(input.format) && "--format", Option.isSome(input.columns) && "--columns"]
    const other = others.find((flag) => flag !== false)
    if (other !== undefined) return yield* usage(`--jq and ${other} exclude each other; give one of them`)
  }
  const resume = Option.isSome(input.resumeFile) ? "--resume-file" : "--resume"
  if (Option.isNone(input.resume) && Option.isNone(input.resumeFile)) return
  if (Option.isSome(input.resume) && Option.isSome(input.resumeFile)) {
    return yield* usage("--resume and --resume-file exclude each other; give one of them")
  }
  if (!input.all) return yield* usage(`${resume} needs --all; add --all`)
  if (Option.isSome(input.sort)) return yield* usage(`${resume} and --sort exclude each other; give one of them`)
})

/** The sessions, what the read reports when it has ended, and how `--strict` takes it. */
const chunksOf = Effect.fnUntraced(function* (
  input: ListInput,
  limit: number,
  { filters, matches, options, times }: Effect.Success<ReturnType<typeof select>>,
  kept: ResumeFile | undefined
) {
  const whole = yield* reading
  const report: { value: ScanReport | undefined } = { value: undefined }
  const start = yield* Clock.currentTimeMillis
  const keep = (sessions: ReadonlyArray<Session>) => (filters ? sessions.filter(matches) : sessions)
  const finish = (strict: boolean) =>
    Effect.suspend(() => {
      const failure = strict && report.value !== undefined ? unproven(report.value) : undefined
      return failure === undefined ? Effect.void : Effect.fail(failure)
    })
  const apart = { rows: 0 }
  const onUnreadableRow = () =>
    Effect.sync(() => {
      apart.rows++
    })
  const known = { report, apart, start, finish, isWhole: input.all, limit }

  if (Option.isSome(input.page)) {
    const page = input.page.value
    const chunks: Chunks = Stream.fromEffect(
      Effect.map(onePage(page, options.status, times, whole.pageSize), ({ sessions, unreadableRows = [] }) => {
        apart.rows += unreadableRows.length
        return { sessions: keep(sessions) }
      })
    )
    return { ...known, chunks }
  }

  // Sorting and filtering need the list as a whole; else no more is read than the limit takes.
  const isBounded = Number.isFinite(limit) && Option.isNone(input.sort)
  const pagesAhead = Math.ceil(limit / (whole.pageSize ?? COMMON_PAGE_SIZE)) - 1
  const bounded = filters
    ? { consistency: "fast" as const }
    : { consistency: "fast" as const, concurrency: Math.max(1, Math.min(whole.concurrency, pagesAhead)) }
  const onReport = (value: ScanReport) =>
    Effect.sync(() => {
      report.value = value
    })
  if (kept !== undefined)
    return { ...known, chunks: keptChunks(kept, { ...options, ...whole, onReport, onUnreadableRow }, keep) }
  const chunks: Chunks = Sessions.pages({
    ...options,
    ...whole,
    ...(isBounded ? bounded : {}),
    ...(Option.isSome(input.resume) ? { from: input.resume.value } : {}),
    onReport,
    onUnreadableRow
  }).pipe(Stream.map(({ resumeToken, sessions }) => ({ sessions: keep(sessions), token: resumeToken })))
  return { ...known, chunks }
})

type Read = Effect.Success<ReturnType<typeof chunksOf>>

/** One page of the API, with the filters that the API does not have. */
const onePage = Effect.fnUntraced(function* (
  page: number,
  status: Sessions.ReadOptions["status"],
  { since, until }: Times,
  pageSize: number | undefined
) {
  const client = yield* SessionsClient
  const answer = yield* client.getPage({
    page,
    ...(typeof status === "string" ? { status } : {}),
    ...(pageSize === undefined ? {} : { limit: pageSize })
  })
  const from = since ?? -Infinity
  const to = until ?? Infinity
  const isBound = since !== undefined || until !== undefined
  const sessions = answer.sessions.filter(
    ({ createdAt, status: actual }) =>
      (!Array.isArray(status) || status.includes(actual)) &&
      (!isBound || (createdAt !== undefined && createdAt >= from && createdAt < to))
  )
  return { ...answer, sessions }
})

/** Ends with the limit, and without asking for the page behind it. */
const atMost = <E, R>(chunks: Stream.Stream<Chunk, E, R>, limit: number): Stream.Stream<Chunk, E, R> =>
  Number.isFinite(limit)
    ? Stream.suspend(() => {
        let left = limit
        return chunks.pipe(
          Stream.map((chunk) => {
            const sessions = chunk.sessions.slice(0, left)
            left -= sessions.length
            return { ...chunk, sessions }
          }),
          Stream.takeUntil(() => left <= 0)
        )
      })
    : chunks

interface WriteOptions {
  readonly output: OutputFile
  /** Its name; none for stdout. */
  readonly file: Option.Option<string>
  readonly canResume: boolean
  readonly kept: ResumeFile | undefined
  /** Whether people read it in a terminal, which a pager scrolls. */
  readonly isPaged: boolean
  /** Runs before the end of the text is written. */
  readonly finish: Effect.Effect<void, AppError>
}

/** Writes the sessions; when that ends too soon, says how to go on behind those that were written. */
const write = Effect.fnUntraced(function* (encoder: Encoder, chunks: Chunks, options: WriteOptions) {
  const screen = yield* Screen
  const written: Written = { sessions: 0, token: undefined, isRead: false }
  // A chunk counts when the writer asks for the next, which it does when the chunk has been taken.
  const text = Stream.flatMap(chunks, ({ sessions, state, token }) =>
    Stream.concat(
      textOf(() => encoder.rows(sessions)),
      Stream.fromEffectDrain(
        Effect.gen(function* () {
          written.sessions += sessions.length
          written.token = token ?? written.token
          if (state !== undefined) yield* options.kept?.append(state) ?? Effect.void
        })
      )
    )
  )
  // All was read: another run would not go on, but begin anew.
  const finish = Effect.tapError(options.finish, () =>
    Effect.sync(() => {
      written.token = undefined
      written.isRead = true
    })
  )
  const whole = text.pipe(Stream.concat(Stream.fromEffectDrain(finish)), Stream.concat(textOf(encoder.end)))
  // Rows in the terminal are progress enough.
  const isShown = Option.isSome(options.file) || !screen.isTerminal
  const isComplete = yield* Progress.during(deliver(whole, options), isShown).pipe(
    Effect.onExit((exit) => (Exit.isSuccess(exit) ? Effect.void : goOn(written, options)))
  )
  // A reader that went away has not taken all.
  if (isComplete) yield* options.kept?.remove ?? Effect.void
  return { sessions: written.sessions, isComplete }
})

/** To the terminal, where a pager may take it, to the file, or to stdout. */
const deliver = Effect.fnUntraced(function* <E, R>(
  text: Stream.Stream<string, E, R>,
  { isPaged, output }: WriteOptions
) {
  return isPaged ? yield* show(text) : yield* output.write(text)
})

interface Written {
  sessions: number
  token: string | undefined
  /** Whether the whole list was read. */
  isRead: boolean
}

const textOf = (text: () => string): Stream.Stream<string, AppError> =>
  Stream.unwrap(Effect.map(rendered(text), (shown) => (shown === "" ? Stream.empty : Stream.succeed(shown))))

const goOn = Effect.fnUntraced(function* (written: Readonly<Written>, { canResume, file, kept, output }: WriteOptions) {
  const talk = yield* Talk
  if (kept !== undefined) {
    if (written.isRead) return yield* Effect.ignore(kept.remove)
    const isKept = yield* Effect.orElseSucceed(kept.keep, () => false)
    if (!isKept) return
    return yield* talk.warn(
      `stopped after ${counted(written.sessions, "session")}; go on with the same flags and --resume-file ${kept.name}`,
      { sessions: written.sessions, resumeFile: kept.name }
    )
  }
  if (Option.isSome(file)) return output.isAtomic ? yield* talk.warn(`${file.value} was left as it was`) : undefined
  if (!canResume || written.token === undefined) return
  yield* talk.warn(
    `stopped after ${counted(written.sessions, "session")}; go on with the same flags and --resume ${written.token}`,
    { sessions: written.sessions, resume: written.token }
  )
})

/** What is to be said about a read that ended well. */
const afterwards = Effect.fnUntraced(function* (
  { isComplete, sessions }: { readonly sessions: number; readonly isComplete: boolean },
  { apart, isWhole, limit, report, start }: Read
) {
  const talk = yield* Talk
  if (!isComplete) return
  if (isWhole && report.value !== undefined) {
    const millis = (yield* Clock.currentTimeMillis) - start
    yield* talk.say(summaryOf(report.value, sessions, millis), { sessions, millis, report: report.value })
    yield* talk.detail(`report ${JSON.stringify(report.value)}`)
    return
  }
  if (sessions === limit && talk.isLive) {
    yield* talk.say(`The first ${counted(sessions, "session")}; --limit or --all for more.`)
  }
  const left = unreadableOf(apart.rows)
  if (left !== undefined) {
    yield* talk.say(`${left}; hb-sessions doctor tells what is wrong with them`, { unreadableRows: apart.rows })
  }
})
