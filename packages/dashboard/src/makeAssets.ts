/**
 * Makes the files of the page: its script in one piece, with what it needs of core.
 */
import { readFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { rolldown } from "rolldown"

/** A file of the page. */
export interface Asset {
  /** Where it is served. */
  readonly path: string
  readonly contentType: string
  readonly text: string
}

const source = (name: string): string => fileURLToPath(new URL(`page/${name}`, import.meta.url))

/** The script, and the files that it was made of. */
const script = async (): Promise<{ readonly code: string; readonly moduleIds: ReadonlyArray<string> }> => {
  const bundle = await rolldown({ input: source("main.ts"), platform: "browser", logLevel: "silent" })
  const { output } = await bundle.generate({ format: "esm", codeSplitting: false, minify: true })
  await bundle.close()
  const [{ code, moduleIds }] = output
  return { code, moduleIds }
}

/** Makes the files; `moduleIds` are those whose code is in them. */
export const makeAssets = async (): Promise<{
  readonly assets: ReadonlyArray<Asset>
  readonly moduleIds: ReadonlyArray<string>
}> => {
  const [html, plotCss, css, { code, moduleIds }] = await Promise.all([
    readFile(source("index.html"), "utf8"),
    readFile(fileURLToPath(import.meta.resolve("uplot/dist/uPlot.min.css")), "utf8"),
    readFile(source("page.css"), "utf8"),
    script()
  ])
  const assets = [
    { path: "/dashboard", contentType: "text/html; charset=utf-8", text: html },
    { path: "/dashboard/page.css", contentType: "text/css; charset=utf-8", text: `${plotCss}\n${css}` },
    { path: "/dashboard/page.js", contentType: "text/javascript; charset=utf-8", text: code }
  ]
  return { assets, moduleIds }
}
