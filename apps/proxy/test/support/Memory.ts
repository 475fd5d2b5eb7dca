/**
 * What a process takes.
 */
import type { ChildProcess } from "node:child_process"
import { readFileSync } from "node:fs"

/** Bytes of memory that a process has in use now; from Linux's /proc. */
export const memoryOf = ({ pid }: ChildProcess): number =>
  Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024
