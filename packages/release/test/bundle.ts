/**
 * Modules as rolldown sees them.
 */
import { isAbsolute } from "node:path"
import { rolldown } from "rolldown"

/** One module for a browser, with everything in it; fails when an import is left. */
export const bundleForBrowser = async (input: string): Promise<string> => {
  const bundle = await rolldown({ input, platform: "browser", logLevel: "silent" })
  const { output } = await bundle.generate({ format: "esm", codeSplitting: false, minify: true })
  await bundle.close()
  const [{ code, imports }] = output
  if (imports.length > 0) throw new Error(`${input} needs ${imports}`)
  return code
}

/** What the module and its neighbours import from elsewhere. */
export const importsOf = async (input: string): Promise<ReadonlyArray<string>> => {
  const external = (id: string) => !id.startsWith(".") && !isAbsolute(id)
  const bundle = await rolldown({ input, platform: "node", external, logLevel: "silent" })
  const { output } = await bundle.generate({ format: "esm" })
  await bundle.close()
  const chunks = new Set(output.map(({ fileName }) => fileName))
  const imports = output.flatMap((part) => (part.type === "chunk" ? [...part.imports, ...part.dynamicImports] : []))
  return [...new Set(imports)].filter((name) => !chunks.has(name))
}
