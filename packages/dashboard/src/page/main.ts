/**
 * The page: signs in, reads the list, follows what is active, and shows both.
 */
import type { Session } from "@hb-sessions/core/Session"
import { listOf, Problem } from "./api.ts"
import { Charts, summaryOf } from "./Charts.ts"
import { ColumnChoice } from "./ColumnChoice.ts"
import { byId, make } from "./dom.ts"
import { downloadCsv } from "./download.ts"
import { follow } from "./Live.ts"
import { durationText, fieldsOf, momentOf, type Row, rowOf } from "./Row.ts"
import { SessionsTable } from "./SessionsTable.ts"
import { chooseTheme } from "./chooseTheme.ts"

/** Most sessions that are read; the rest is left to the other endpoints. */
const MAX_SESSIONS = 100_000
/** Most active sessions that are shown above the table. */
const MAX_LIVE = 50
/** Milliseconds between two drawings of what changes. */
const REDRAW = 400
const KEPT = "hb-sessions-token"

/** What is known while someone is signed in. */
interface Visit {
  readonly token: string
  readonly abort: AbortController
  readonly rows: Map<string, Row>
  active: ReadonlyMap<string, Session>
  /** Ended since they were read: what became of them is not known. */
  readonly ended: Set<string>
}

let visit: Visit | undefined
let redrawing: ReturnType<typeof setTimeout> | undefined

const number = new Intl.NumberFormat(undefined, { maximumFractionDigits: 2 })

const tell = (text: string | undefined): void => {
  const notice = byId("notice")
  notice.hidden = text === undefined
  notice.textContent = text ?? ""
}

const open = (session: Session): void => {
  byId("dialog-title").textContent = `Session ${session.id}`
  byId("fields").replaceChildren(
    ...fieldsOf(session).flatMap(([path, text]) => [make("dt", {}, path), make("dd", {}, text)])
  )
  byId<HTMLDialogElement>("dialog").showModal()
}

const table = new SessionsTable({ onOpen: ({ session }) => open(session) })

const charts = new Charts(byId("charts"))

const choose = (): void => table.setColumns(choice.columns)
const choice = new ColumnChoice(choose)
choose()

/** The day of an input, as milliseconds of its beginning in the reader's zone. */
const dayOf = (id: string, plus: number): number | undefined => {
  const [year, month, day] = byId<HTMLInputElement>(id).value.split("-").map(Number)
  if (year === undefined || month === undefined || day === undefined) return undefined
  return new Date(year, month - 1, day + plus).getTime()
}

const filtered = (rows: Iterable<Row>): ReadonlyArray<Row> => {
  const wanted = byId<HTMLInputElement>("find").value.trim().toLowerCase()
  const status = byId<HTMLSelectElement>("status").value
  const [since, until] = [dayOf("since", 0), dayOf("until", 1)]
  return [...rows].filter(({ session, text }) => {
    if (wanted !== "" && !text.includes(wanted)) return false
    if (status !== "" && `=${session.status ?? ""}` !== status) return false
    const moment = momentOf(session)
    if (since !== undefined && (moment === undefined || moment < since)) return false
    return until === undefined || (moment !== undefined && moment < until)
  })
}

const drawStatuses = (rows: Iterable<Row>): void => {
  const select = byId<HTMLSelectElement>("status")
  const known = [...new Set([...rows].map(({ session }) => session.status ?? ""))].toSorted()
  const values = ["", ...known.map((status) => `=${status}`)]
  if (values.length === select.options.length && values.every((value, index) => select.options[index]?.value === value))
    return
  const { value: chosen } = select
  select.replaceChildren(
    ...values.map((value) => {
      const option = make("option", {}, value === "" ? "all" : value.slice(1) || "(none)")
      option.value = value
      return option
    })
  )
  select.value = values.includes(chosen) ? chosen : ""
}

const drawNumbers = (rows: ReadonlyArray<Row>, summary: ReturnType<typeof summaryOf>, active: number | undefined) => {
  const { durations } = summary
  const numbers: ReadonlyArray<readonly [string, string]> = [
    ["Sessions", number.format(rows.length)],
    ["Active now", active === undefined ? "…" : number.format(active)],
    ["Credits", number.format(summary.credits)],
    ["Median duration", durations === undefined ? "—" : durationText(durations.p50)]
  ]
  byId("numbers").replaceChildren(
    ...numbers.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value)))
  )
}

let isFollowed = false

const redraw = (): void => {
  clearTimeout(redrawing)
  redrawing = undefined
  if (visit === undefined) return
  const { active, rows } = visit
  drawStatuses(rows.values())
  const found = filtered(rows.values())
  table.setRows(found)
  byId("count").textContent =
    found.length === rows.size
      ? `${number.format(found.length)} sessions.`
      : `${number.format(found.length)} of ${number.format(rows.size)} sessions match the filter.`
  const summary = summaryOf(found)
  drawNumbers(found, summary, isFollowed ? active.size : undefined)
  charts.show(found, summary)
  drawLive(active)
}

const drawLive = (active: ReadonlyMap<string, Session>): void => {
  const shown = [...active.values()].slice(0, MAX_LIVE).map((session) => {
    const button = make("button", { type: "button", "aria-haspopup": "dialog" }, session.id)
    button.addEventListener("click", () => open(session))
    return make("li", {}, button)
  })
  const rest = active.size - shown.length
  byId("live").replaceChildren(...shown, ...(rest > 0 ? [make("li", {}, `and ${number.format(rest)} more`)] : []))
}

/** Draws soon, and no more often than it can be read. */
const redrawSoon = (): void => {
  redrawing ??= setTimeout(redraw, REDRAW)
}

/** What the page says of a session that is not active any more, until it is read again. */
const ENDED = "not active any more"

const readList = async (current: Visit): Promise<void> => {
  const { rows, signal, token } = { ...current, signal: current.abort.signal }
  const progress = byId("progress")
  let statuses: ReadonlyArray<string> = []
  for (;;) {
    try {
      const list = listOf(token, statuses, signal)
      for (;;) {
        // oxlint-disable-next-line eslint/no-await-in-loop -- the pieces of a list follow each other
        const step = await list.next()
        if (step.done === true) {
          const seen = statuses.length === 0 ? "" : ` This token sees these statuses only: ${statuses.join(", ")}.`
          const proof = step.value.isProven ? "" : " The list could not be proven complete; some may be missing."
          progress.textContent = `Read at ${new Date().toLocaleTimeString()}.${proof}${seen}`
          return redraw()
        }
        for (const session of step.value) {
          current.ended.delete(session.id)
          rows.set(session.id, rowOf(session))
        }
        choice.offer(step.value)
        progress.textContent = `Reading: ${number.format(rows.size)} sessions so far.`
        redrawSoon()
        if (rows.size >= MAX_SESSIONS) {
          // oxlint-disable-next-line eslint/no-await-in-loop -- it ends the loop
          await list.return({ isProven: false })
          progress.textContent = `Only the first ${number.format(MAX_SESSIONS)} sessions are shown.`
          return redraw()
        }
      }
    } catch (error) {
      if (signal.aborted) return
      if (error instanceof Problem && error.statuses.length > 0 && statuses.length === 0) {
        statuses = error.statuses
        continue
      }
      return failed(current, error)
    }
  }
}

const failed = (current: Visit, error: unknown): void => {
  if (current !== visit) return
  const problem = error instanceof Problem ? error : new Problem("The page failed; reload it.", 0)
  if (!(error instanceof Problem)) console.error(error)
  if (problem.status === 401) return signOut("The token is not valid, or not any more. Sign in with another one.")
  byId("progress").textContent = ""
  redraw()
  tell(`${problem.message} ${current.rows.size > 0 ? "What is shown is not all, or old. " : ""}Reload to try again.`)
}

const begin = (token: string): void => {
  const current: Visit = { token, abort: new AbortController(), rows: new Map(), active: new Map(), ended: new Set() }
  visit = current
  isFollowed = false
  tell(undefined)
  byId("sign-in").hidden = true
  byId("content").hidden = false
  byId("signed-in-tools").hidden = false
  byId("progress").textContent = "Reading the sessions."
  byId("live-state").textContent = "Connecting."
  byId("main").focus({ preventScroll: true })
  redraw()
  void readList(current)
  void follow({
    token,
    signal: current.abort.signal,
    onState: (text) => {
      if (byId("live-state").textContent !== text) byId("live-state").textContent = text
    },
    onEnded: (problem) => failed(current, problem),
    onSessions: (active, changed, gone) => {
      isFollowed = true
      current.active = new Map(active)
      for (const session of changed) current.rows.set(session.id, rowOf(session))
      choice.offer(changed)
      for (const id of gone) {
        const before = current.rows.get(id)
        if (before?.session.status === "active") current.rows.set(id, rowOf({ ...before.session, status: ENDED }))
      }
      redrawSoon()
    }
  })
}

const leave = (): void => {
  visit?.abort.abort()
  visit = undefined
  clearTimeout(redrawing)
  redrawing = undefined
}

const signOut = (why?: string): void => {
  leave()
  sessionStorage.removeItem(KEPT)
  table.setRows([])
  charts.show([], summaryOf([]))
  for (const id of ["numbers", "live", "fields", "dialog-title", "live-state", "progress", "count"])
    byId(id).replaceChildren()
  byId<HTMLDialogElement>("dialog").close()
  byId<HTMLFormElement>("filter").reset()
  choice.reset()
  choose()
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
  if (byId<HTMLInputElement>("keep").checked) sessionStorage.setItem(KEPT, token)
  begin(token)
})

byId("sign-out").addEventListener("click", () => signOut())
byId("reload").addEventListener("click", () => {
  const token = visit?.token
  if (token === undefined) return
  leave()
  begin(token)
})
byId("download").addEventListener("click", () => {
  downloadCsv(
    table.shown.map(({ session }) => session),
    choice.columns
  )
})
byId("close").addEventListener("click", () => byId<HTMLDialogElement>("dialog").close())
byId("filter").addEventListener("submit", (event) => event.preventDefault())
for (const id of ["find", "status", "since", "until"]) byId(id).addEventListener("input", redrawSoon)

const offset = new Intl.DateTimeFormat("en", { timeZoneName: "longOffset" })
  .formatToParts()
  .find(({ type }) => type === "timeZoneName")?.value
byId("zone").textContent =
  `Times and days are in your time zone, ${Intl.DateTimeFormat().resolvedOptions().timeZone} (now ${offset ?? "UTC"}).`

chooseTheme(() => charts.repaint())

const kept = sessionStorage.getItem(KEPT)
if (kept !== null) begin(kept)
