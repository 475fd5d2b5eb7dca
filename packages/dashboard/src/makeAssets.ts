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

const script = async (): Promise<string> => {
  const bundle = await rolldown({ input: source("main.ts"), platform: "browser", logLevel: "silent" })
  const { output } = await bundle.generate({ format: "esm", codeSplitting: false, minify: true })
  await bundle.close()
  return output[0].code
}

/** Makes the files. */
export const makeAssets = async (): Promise<ReadonlyArray<Asset>> => {
  const [html, css, code] = await Promise.all([
    readFile(source("index.html"), "utf8"),
    readFile(source("page.css"), "utf8"),
    script()
  ])
  return [
    { path: "/dashboard", contentType: "text/html; charset=utf-8", text: html },
    { path: "/dashboard/page.css", contentType: "text/css; charset=utf-8", text: css },
    { path: "/dashboard/page.js", contentType: "text/javascript; charset=utf-8", text: code }
  ]
}
