/**
 * Watches the active sessions.
 */
import { AppError, exitCodes } from "@hb-sessions/app-kit/AppError"
import { hasEndedWell, type Session } from "@hb-sessions/core/Session"
import * as Sessions from "@hb-sessions/core/Sessions"
import { configOf } from "@hb-sessions/core/SessionsConfig"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Api from "../../reading/Api.ts"
import type { WatchInput } from "../watch.ts"
import { print } from "../../output/print.ts"
import { settings } from "../../settings/settings.ts"
import * as AlternateScreen from "../../output/AlternateScreen.ts"
import { Screen } from "../../output/Screen.ts"
import { Diagnostics } from "../../output/Diagnostics.ts"
import { counted, neutralise, painter } from "../../output/text.ts"
import { timesIn } from "../../output/times.ts"
import { frame } from "./frame.ts"
import { type Change, Watched } from "./Watched.ts"
import { reading } from "../../reading/selection.ts"
import { usage } from "../../settings/usage.ts"

export const run = Effect.fn("watch")(
  function* (input: WatchInput) {
    if (input.exitStatus && !input.untilIdle) {
      return yield* usage("--exit-status needs --until-idle, since a watch does not end otherwise; add --until-idle")
    }
    const screen = yield* Screen
    const watched = new Watched()
    const isOver = (isRead: boolean) => !isRead || (input.untilIdle && watched.active === 0)
    const isRead = yield* Effect.scoped(
      Effect.gen(function* () {
        const alternate = screen.canAnimate ? yield* AlternateScreen.open : undefined
        const look = Effect.flatMap(takeLook(watched, input), (changes) =>
          alternate === undefined
            ? Effect.as(report(changes, screen.isTerminal), true)
            : Effect.flatMap(currentFrame(watched, input), alternate.draw)
        )
        return yield* look.pipe(
          Effect.tap((isShown) => (isOver(isShown) ? Effect.void : Effect.sleep(input.interval))),
          Effect.repeat({ until: isOver })
        )
      })
    )
    if (isRead) yield* conclude(watched, input.exitStatus)
  },
  (effect, { concurrency, pageSize, tz }) => Effect.provide(effect, Api.layer({ concurrency, pageSize, tz }))
)

/** Reads the active sessions, and looks those up that are not active any more. */
const takeLook = Effect.fnUntraced(function* (watched: Watched, { team }: WatchInput) {
  const active = yield* Sessions.stream({ status: "active", consistency: "fast" }).pipe(
    Stream.filter(({ teamId }) => Option.isNone(team) || teamId === team.value),
    Stream.runCollect
  )
  const missing = watched.gone(active)
  const ended = missing.length === 0 ? new Map<string, Session>() : yield* lookUp(missing)
  // A list that moves while it is read can hide a session; only what has another status has ended.
  const hidden = [...ended.values()].filter(({ status }) => status === "active")
  const gone = missing.filter((id) => ended.get(id)?.status !== "active")
  return watched.look([...active, ...hidden], ended, gone)
})

/**
 * Sessions that have just ended are among the newest, so the list is read only as far as they are; one that is in no
 * list any more takes the proof that it is not.
 */
const lookUp = Effect.fnUntraced(function* (ids: ReadonlyArray<string>) {
  const wanted = new Set(ids)
  const found = new Map<string, Session>()
  yield* Sessions.pages({ ...(yield* reading), consistency: "verified" }).pipe(
    Stream.tap(({ sessions }) =>
      Effect.sync(() => {
        for (const session of sessions) if (wanted.has(session.id)) found.set(session.id, session)
      })
    ),
    Stream.takeUntil(() => found.size === wanted.size),
    Stream.runDrain
  )
  return found
})

const currentFrame = Effect.fnUntraced(function* (watched: Watched, { limit }: WatchInput) {
  const screen = yield* Screen
  const options = {
    width: (yield* screen.width) ?? 80,
    height: yield* screen.height,
    limit: Option.getOrUndefined(limit),
    paint: painter(screen.canColor),
    times: timesIn(yield* configOf(settings.tz)),
    now: yield* Clock.currentTimeMillis
  }
  return frame(watched, options)
})

/** One line a change: JSON for programs, words for a terminal that cannot be drawn on. */
const report = Effect.fnUntraced(function* (changes: ReadonlyArray<Change>, isTerminal: boolean) {
  if (changes.length === 0) return
  const time = new Date(yield* Clock.currentTimeMillis).toISOString()
  yield* print(
    changes
      .map(({ event, session: { id, status = "unknown" } }) =>
        isTerminal
          ? `${time} ${event.padEnd(8)} ${neutralise(id)} ${neutralise(status)}\n`
          : `${JSON.stringify({ time, event, id, status })}\n`
      )
      .join("")
  )
})

const conclude = Effect.fnUntraced(function* (watched: Watched, isExitStatus: boolean) {
  const diagnostics = yield* Diagnostics
  const { ended } = watched
  // Neither an ending that this program does not know nor a session that the list has lost is taken for success.
  const failed = ended.filter((session) => !hasEndedWell(session))
  yield* diagnostics.say(
    `idle: ${counted(ended.length, "session")} ended, ${failed.length} of them not known to have succeeded`
  )
  if (isExitStatus && failed.length > 0) {
    const endings = failed.map(({ id, status = "unknown" }) => `${neutralise(id)} (${neutralise(status)})`).join(", ")
    return yield* new AppError({
      message: `${counted(failed.length, "session")} not known to have succeeded: ${endings}; see "hb-sessions get"`,
      exitCode: exitCodes.unexpected
    })
  }
})
