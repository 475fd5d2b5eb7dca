/**
 * A plugin that puts the files of the page into a bundle, in place of the module that makes them.
 */
import { fileURLToPath } from "node:url"
import type { Plugin } from "rolldown"
import { makeAssets } from "./makeAssets.ts"

const module = fileURLToPath(new URL("assets.ts", import.meta.url))

/** The plugin, and the modules whose code it puts in. */
export const inlineAssets = async (): Promise<{
  readonly plugin: Plugin
  readonly moduleIds: ReadonlyArray<string>
}> => {
  const { assets, moduleIds } = await makeAssets()
  const code = `export const assets = ${JSON.stringify(assets)}`
  return { plugin: { name: "dashboard", load: (id) => (id === module ? code : null) }, moduleIds }
}
