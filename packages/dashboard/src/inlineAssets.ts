/**
 * A plugin that puts the files of the page into a bundle, in place of the module that makes them.
 */
import { fileURLToPath } from "node:url"
import type { Plugin } from "rolldown"
import { makeAssets } from "./makeAssets.ts"

const module = fileURLToPath(new URL("assets.ts", import.meta.url))

/** Puts them in. */
export const inlineAssets = (): Plugin => ({
  name: "dashboard",
  load: async (id) => (id === module ? `export const assets = ${JSON.stringify(await makeAssets())}` : null)
})
