/**
 * Which columns the table and the download have: those of the contract, and other keys that sessions came with.
 */
import { pathsOf } from "@hb-sessions/core/ColumnChooser"
import type { Session } from "@hb-sessions/core/Session"
import { columns as contract } from "@hb-sessions/core/SessionsColumns"
import { byId, make } from "./dom.ts"
import { runTime, shortText } from "./Row.ts"

/** Columns beside the contract's that are offered; a server that uses ids as keys has more than anybody reads. */
const MOST_EXTRAS = 100

/** The columns that are shown until others are chosen, in this order. */
const usual: ReadonlyArray<string> = [
  "id",
  "status",
  "createdAt",
  runTime,
  "creditsUsed",
  "launchState.useStealth",
  "launchState.useProxy"
]

const own: ReadonlyArray<string> = ["id", runTime, ...contract.filter((name) => name !== "id")]

const box = (column: string): HTMLElement => {
  const input = make("input", { type: "checkbox" })
  input.value = column
  // Also what a reset of the form goes back to.
  input.defaultChecked = usual.includes(column)
  return make("label", {}, input, shortText(column))
}

/** The choice, as boxes to tick. */
export class ColumnChoice {
  private readonly extras = new Map<string, HTMLElement>()
  private readonly fieldset = byId("columns")

  constructor(onChange: () => void) {
    this.fieldset.append(...own.map(box))
    this.fieldset.addEventListener("change", onChange)
  }

  /** The columns that are chosen, in the order in which they are shown. */
  get columns(): ReadonlyArray<string> {
    const chosen = [...this.fieldset.querySelectorAll("input")].flatMap(({ checked, value }) =>
      checked ? [value] : []
    )
    return [...usual.filter((name) => chosen.includes(name)), ...chosen.filter((name) => !usual.includes(name))]
  }

  /** Offers what sessions have beside the contract. */
  offer(sessions: ReadonlyArray<Session>): void {
    for (const column of sessions.flatMap(pathsOf)) {
      if (this.extras.size >= MOST_EXTRAS) return
      if (this.extras.has(column) || column === runTime) continue
      const label = box(column)
      this.extras.set(column, label)
      this.fieldset.append(label)
    }
  }

  /** Forgets what sessions had. */
  reset(): void {
    for (const label of this.extras.values()) label.remove()
    this.extras.clear()
  }
}
