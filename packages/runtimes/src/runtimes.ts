import { fileURLToPath } from "node:url"

/**
 * Paths of executables. They are dependencies of a package of their own, so that none of them becomes the `node` that
 * runs the tests.
 */
const executable = (specifier: string): string => fileURLToPath(import.meta.resolve(specifier))

/** The oldest Node that the packages support, the one they are built with, and the newest. */
export const nodes: Readonly<Record<"22" | "24" | "26", string>> = {
  "22": executable("node22/bin/node"),
  "24": process.execPath,
  "26": executable("node26/bin/node")
}

export const bun: string = executable("bun/bin/bun.exe")

export const deno: string = executable("deno/deno")

export const workerd: string = executable("workerd/bin/workerd")
