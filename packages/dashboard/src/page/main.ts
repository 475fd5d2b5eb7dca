/**
 * The page: signs in and out, and shows what is read and what is followed.
 */
import type { Session } from "@hb-sessions/core/Session"
import { Problem } from "./api.ts"
import { Charts, summaryOf } from "./Charts.ts"
import { chooseTheme } from "./chooseTheme.ts"
import { ColumnChoice } from "./ColumnChoice.ts"
import { byId, make, say } from "./dom.ts"
import { downloadCsv } from "./download.ts"
import { follow } from "./Live.ts"
import { numberText } from "./numberText.ts"
import { readList } from "./readList.ts"
import { durationText, fieldsOf, shortText } from "./Row.ts"
import { SessionsFilter } from "./SessionsFilter.ts"
import { SessionsTable } from "./SessionsTable.ts"
import * as TabStorage from "./TabStorage.ts"
import { Visit } from "./Visit.ts"

/** Most active sessions that are shown above the table. */
const MAX_LIVE = 50
/** Least milliseconds between two drawings of what changes. */
const REDRAW = 400
/** After a drawing the page rests for this many times as long as it took, unless the reader asks for the next. */
const REST = 10
const TOKEN = "hb-sessions-token"

let visit: Visit | undefined
let redrawing: ReturnType<typeof setTimeout> | undefined
/** Milliseconds that the last drawing took. */
let cost = 0

const tell = (text: string | undefined): void => {
  const notice = byId("notice")
  notice.hidden = text === undefined
  notice.textContent = text ?? ""
}

const open = (session: Session): void => {
  byId("dialog-title").textContent = `Session ${shortText(session.id)}`
  byId("fields").replaceChildren(
    ...fieldsOf(session).flatMap(([path, text]) => [make("dt", {}, shortText(path)), make("dd", {}, text)])
  )
  byId<HTMLDialogElement>("dialog").showModal()
}

const drawNumbers = (summary: ReturnType<typeof summaryOf>, followed: Visit["followed"]): void => {
  const { credits, durations, sessions } = summary
  const numbers: ReadonlyArray<readonly [string, string]> = [
    ["Sessions", numberText(sessions)],
    ["Active now", followed === undefined ? "…" : numberText(followed.active.size) + (followed.isWhole ? "" : "+")],
    ["Credits", numberText(credits)],
    ["Median duration", durations === undefined ? "—" : durationText(durations.p50)]
  ]
  byId("numbers").replaceChildren(
    ...numbers.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value)))
  )
}

const drawLive = (active: ReadonlyMap<string, Session>): void => {
  const focused = document.activeElement?.closest("#live button")?.textContent
  const buttons = [...active.values()].slice(0, MAX_LIVE).map((session) => {
    const button = make("button", { type: "button", "aria-haspopup": "dialog" }, shortText(session.id))
    button.addEventListener("click", () => open(session))
    return button
  })
  const rest = active.size - buttons.length
  const more = rest > 0 ? [`and ${numberText(rest)} more`] : []
  byId("live").replaceChildren(...[...buttons, ...more].map((item) => make("li", {}, item)))
  buttons.find(({ textContent }) => textContent === focused)?.focus({ preventScroll: true })
}

const redraw = (): void => {
  clearTimeout(redrawing)
  redrawing = undefined
  if (visit === undefined) return
  const began = performance.now()
  const { followed, rows } = visit
  filter.offer(rows.values())
  const found = filter.matching(rows.values())
  table.setRows(found)
  const all = numberText(rows.size)
  say(
    "count",
    found.length === rows.size ? `${all} sessions.` : `${numberText(found.length)} of ${all} sessions match the filter.`
  )
  const summary = summaryOf(found)
  drawNumbers(summary, followed)
  charts.show(found, summary)
  drawLive(followed?.active ?? new Map())
  cost = performance.now() - began
}

/** Draws what came by itself: soon, and no more often than it can be read. */
const redrawSoon = (): void => {
  redrawing ??= setTimeout(redraw, Math.max(REDRAW, REST * cost))
}

/** Draws what the reader asked for, once the reader has finished. */
const redrawNow = (): void => {
  clearTimeout(redrawing)
  redrawing = setTimeout(redraw, REDRAW)
}

const table = new SessionsTable({ onOpen: ({ session }) => open(session) })
const charts = new Charts(byId("charts"))
const filter = new SessionsFilter(redrawNow)
const choice = new ColumnChoice(() => table.setColumns(choice.columns))
table.setColumns(choice.columns)

/** Says how far the reading is; screen readers are told the end of it only. */
const progress = (text: string, isReading: boolean): void => {
  byId("progress").setAttribute("aria-busy", String(isReading))
  say("progress", text)
}

const failed = (current: Visit, error: unknown): void => {
  if (current !== visit) return
  const problem = error instanceof Problem ? error : new Problem("The page failed; reload it.", 0)
  if (!(error instanceof Problem)) console.error(error)
  if (problem.status === 401) return signOut("The token is not valid, or not any more. Sign in with another one.")
  progress("", false)
  current.finish(false)
  redraw()
  tell(`${problem.message} ${current.rows.size > 0 ? "What is shown is not all, or old. " : ""}Reload to try again.`)
}

const readAll = async (current: Visit): Promise<void> => {
  try {
    await readList(current, {
      onSessions: (sessions) => {
        current.list(sessions)
        choice.offer(sessions)
        redrawSoon()
      },
      onProgress: progress
    })
    current.finish(true)
    redraw()
  } catch (error) {
    failed(current, error)
  }
}

const followActive = (current: Visit): Promise<void> =>
  follow({
    token: current.token,
    signal: current.signal,
    onState: (text) => say("live-state", text),
    onEnded: (problem) => failed(current, problem),
    onNews: (news) => {
      current.follow(news)
      choice.offer(news.changed)
      redrawSoon()
    }
  })

const begin = (token: string, before?: Visit): void => {
  visit = new Visit(token, before)
  tell(undefined)
  byId("sign-in").hidden = true
  byId("content").hidden = false
  byId("signed-in-tools").hidden = false
  progress("Reading the sessions.", true)
  say("live-state", "Connecting.")
  byId("main").focus({ preventScroll: true })
  redraw()
  void readAll(visit)
  void followActive(visit)
}

const leave = (): void => {
  visit?.end()
  visit = undefined
  clearTimeout(redrawing)
  redrawing = undefined
}

const signOut = (why?: string): void => {
  leave()
  TabStorage.forget(TOKEN)
  table.setRows([])
  charts.show([], summaryOf([]))
  for (const id of ["numbers", "live", "fields", "dialog-title", "live-state", "progress", "count"])
    byId(id).replaceChildren()
  byId<HTMLDialogElement>("dialog").close()
  filter.reset()
  filter.offer([])
  choice.reset()
  table.setColumns(choice.columns)
  byId("content").hidden = true
  byId("signed-in-tools").hidden = true
  byId("sign-in").hidden = false
  tell(why)
  byId("token").focus()
}

byId("sign-in").addEventListener("submit", (event) => {
  event.preventDefault()
  const input = byId<HTMLInputElement>("token")
  const token = input.value.trim()
  input.value = ""
  // A header holds nothing else.
  if (!/^[\x21-\x7e]{1,1000}$/.test(token))
    return tell("This is not a token: it has other characters than tokens have.")
  const isKept = !byId<HTMLInputElement>("keep").checked || TabStorage.keep(TOKEN, token)
  begin(token)
  if (!isKept) tell("This browser keeps nothing for this page: after a reload the token is to be pasted again.")
})

byId("sign-out").addEventListener("click", () => signOut())
byId("reload").addEventListener("click", () => {
  const before = visit
  if (before === undefined) return
  leave()
  begin(before.token, before)
})
byId("download").addEventListener("click", () => {
  downloadCsv(
    table.shown.map(({ session }) => session),
    choice.columns
  )
})
byId("close").addEventListener("click", () => byId<HTMLDialogElement>("dialog").close())

const offset = new Intl.DateTimeFormat("en", { timeZoneName: "longOffset" })
  .formatToParts()
  .find(({ type }) => type === "timeZoneName")?.value
byId("zone").textContent =
  `Times and days are in your time zone, ${Intl.DateTimeFormat().resolvedOptions().timeZone} (now ${offset ?? "UTC"}).`

chooseTheme(() => charts.repaint())

const kept = TabStorage.read(TOKEN)
if (kept !== undefined) begin(kept)
