/**
 * What a process takes.
 */
import type { ChildProcess } from "node:child_process"
import { readFileSync } from "node:fs"

const read = ({ pid }: ChildProcess, name: string): number =>
  Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024

/** Bytes of memory that a process has in use now; from Linux's /proc. */
export const memoryOf = (process: ChildProcess): number => read(process, "VmRSS")

/** The most bytes of memory that a process has had in use. */
export const peakMemoryOf = (process: ChildProcess): number => read(process, "VmHWM")
