/**
 * The temporary files of this process, which no signal leaves behind that a process can answer.
 */
import { rmSync } from "node:fs"
import { atSuddenEnd } from "./suddenEnd.ts"

/** By path, what takes back that the file is removed. */
const kept = new Map<string, () => void>()

/** Removes the file when the process ends before `forget` is called. */
export const remember = (path: string): void => {
  forget(path)
  kept.set(
    path,
    atSuddenEnd(() => rmSync(path, { force: true }))
  )
}

/** Leaves the file to its current owner. */
export const forget = (path: string): void => {
  kept.get(path)?.()
  kept.delete(path)
}
