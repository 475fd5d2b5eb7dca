/**
 * Lists sessions: a part of them, one page, or all with a report.
 */
import * as SteadyTime from "@hb-sessions/app-kit/SteadyTime"
import { configOf } from "@hb-sessions/core/SessionsConfig"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Diagnostics } from "../../output/Diagnostics.ts"
import { formats } from "../../output/formats/formats.ts"
import { jqFormat } from "../../output/formats/jq.ts"
import { named, openOutput } from "../../output/print.ts"
import { Screen } from "../../output/Screen.ts"
import { counted, painter } from "../../output/text.ts"
import { timesIn } from "../../output/times.ts"
import * as Api from "../../reading/Api.ts"
import { reading, select } from "../../reading/selection.ts"
import { summaryOf, unreadableOf } from "../../reading/summary.ts"
import { settings } from "../../settings/settings.ts"
import { usage } from "../../settings/usage.ts"
import type { ListInput } from "../list.ts"
import type { Chunks } from "./Chunk.ts"
import * as columns from "./columns.ts"
import { keptOf } from "./kept.ts"
import { atMost, chunksOf, type Read } from "./read.ts"
import { parseSort, sorted } from "./sort.ts"
import { write } from "./write.ts"

const DEFAULT_LIMIT = 20

export const run = Effect.fn("list")(
  function* (input: ListInput) {
    yield* checkCombination(input)
    const sort = Option.isNone(input.sort) ? undefined : yield* Effect.fromResult(parseSort(input.sort.value))
    const screen = yield* Screen
    const file = named(input.output)
    const isFile = Option.isSome(file)
    const formatName = (yield* configOf(settings.format)) ?? (screen.isTerminal && !isFile ? "table" : "ndjson")
    const chosen = yield* columns.choose(input, formatName)
    const selected = yield* select(input)
    const kept = yield* keptOf(input, formatName, selected.times)
    const makeEncoder = Option.isNone(input.jq) ? formats[formatName] : yield* jqFormat(input.jq.value)
    const options = {
      isContinued: Option.isSome(input.resume) || kept?.isContinued === true,
      width: isFile ? undefined : yield* screen.width,
      paint: painter(screen.canColor && !isFile),
      times: timesIn(yield* configOf(settings.tz)),
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
    if (written.isComplete) yield* columns.sayMissing(sortKey, chosen)
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
        pageSize: input.pageSize,
        tz: input.tz
      })
    )
)

const checkCombination = Effect.fnUntraced(function* (input: ListInput) {
  const whole = [input.all && "--all", Option.isSome(input.limit) && "--limit", Option.isSome(input.page) && "--page"]
  const given = whole.filter((flag) => flag !== false)
  if (given.length > 1) return yield* usage(`${given.join(" and ")} cannot be combined; give one of them`)
  if (input.strict && !input.all) return yield* usage("--strict needs --all, since a part proves nothing; add --all")
  if (input.strict && (yield* reading).consistency === "fast") {
    return yield* usage("--strict needs a proof, which a fast read never gives; add --consistency verified")
  }
  if (Option.isSome(input.jq)) {
    const others = [Option.isSome(input.format) && "--format", Option.isSome(input.columns) && "--columns"]
    const other = others.find((flag) => flag !== false)
    if (other !== undefined) return yield* usage(`--jq and ${other} cannot be combined; give one of them`)
  }
  const resume = Option.isSome(input.resumeFile) ? "--resume-file" : "--resume"
  if (Option.isNone(input.resume) && Option.isNone(input.resumeFile)) return
  if (Option.isSome(input.resume) && Option.isSome(input.resumeFile)) {
    return yield* usage("--resume and --resume-file cannot be combined; give one of them")
  }
  if (!input.all) return yield* usage(`${resume} needs --all; add --all`)
  if (Option.isSome(input.sort)) return yield* usage(`${resume} and --sort cannot be combined; give one of them`)
})

/** Prints what there is to know about a read that succeeded. */
const afterwards = Effect.fnUntraced(function* (
  { isComplete, sessions }: { readonly sessions: number; readonly isComplete: boolean },
  { apart, isWhole, limit, report, start }: Read
) {
  const diagnostics = yield* Diagnostics
  if (!isComplete) return
  const known = yield* report
  if (isWhole && Option.isSome(known)) {
    const millis = Math.round((yield* SteadyTime.now) - start)
    yield* diagnostics.say(summaryOf(known.value, sessions, millis), { sessions, millis, report: known.value })
    yield* diagnostics.detail(`report ${JSON.stringify(known.value)}`)
    return
  }
  if (sessions === limit && diagnostics.isLive) {
    yield* diagnostics.say(`The first ${counted(sessions, "session")}; --limit or --all for more.`)
  }
  const left = unreadableOf(apart.rows)
  if (left !== undefined) {
    yield* diagnostics.say(`${left}; hb-sessions doctor shows what is wrong with them`, { unreadableRows: apart.rows })
  }
})
