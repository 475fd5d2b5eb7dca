/**
 * Light or dark: as the system has it, or as the reader chose for this tab.
 */
import { byId } from "./dom.ts"
import * as TabStorage from "./TabStorage.ts"

const KEPT = "hb-sessions-theme"

/** Follows the choice, and tells when the colours are others. */
export const chooseTheme = (onChange: () => void): void => {
  const select = byId<HTMLSelectElement>("theme")
  const paint = () => {
    if (select.value === "auto") delete document.documentElement.dataset["theme"]
    else document.documentElement.dataset["theme"] = select.value
    onChange()
  }
  select.value = TabStorage.read(KEPT) ?? "auto"
  // What was kept is not among the choices.
  if (select.value === "") select.value = "auto"
  paint()
  select.addEventListener("change", () => {
    TabStorage.keep(KEPT, select.value)
    paint()
  })
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", onChange)
}
