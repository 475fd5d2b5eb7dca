/**
 * A plugin that writes down whose code is in a bundle, from the modules that are really in it.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import type { Plugin } from "rolldown"
import { type Embedded, embeddedIn, textOf } from "./embedded.ts"

export const noticesFile = "THIRD_PARTY_NOTICES.txt"

/** Licences that ask for nothing but their text. Another one is a decision, and stops the build. */
export const allowedLicences: ReadonlyArray<string> = [
  "0BSD",
  "Apache-2.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "BlueOak-1.0.0",
  "ISC",
  "MIT"
]

/**
 * Emits `THIRD_PARTY_NOTICES.txt`: name, version, licence and its text for every package with code in the bundle.
 *
 * The build fails on a licence that is not allowed, and on a package that brings no text of its licence, be it in a file
 * of its own or in its README. `inside` are modules that another bundle has put into a text of this one.
 */
export const thirdPartyNotices = (inside: ReadonlyArray<string> = []): Plugin => ({
  name: "third-party-notices",
  generateBundle(_options, bundle) {
    const notices = new Map<string, Notice>()
    const ids = Object.values(bundle).flatMap((part) => (part.type === "chunk" ? part.moduleIds : []))
    for (const id of [...ids, ...inside]) {
      for (const notice of noticesOf(id)) notices.set(`${notice.name}@${notice.version}`, notice)
    }
    this.emitFile({ type: "asset", fileName: noticesFile, source: render([...notices.values()]) })
  }
})

interface Notice {
  readonly name: string
  readonly version: string
  readonly licence: string
  readonly text: string
}

const noticesOf = (id: string): ReadonlyArray<Notice> => {
  // The helpers that rolldown adds are rolldown's code.
  const file = id.startsWith("\0rolldown/") ? join(process.cwd(), "node_modules/rolldown/package.json") : id
  if (file.startsWith("\0")) throw new Error(`Whose code is the module ${JSON.stringify(id)}?`)
  if (!file.replaceAll("\\", "/").includes("/node_modules/")) return []
  return [noticeOf(packageOf(file)), ...embeddedIn(file).map(allowed)]
}

/** The nearest directory whose manifest has a name: some packages have others, with a `type` only, for a part. */
const packageOf = (file: string): string => {
  const directory = dirname(file)
  const manifest = join(directory, "package.json")
  return existsSync(manifest) && JSON.parse(readFileSync(manifest, "utf8")).name !== undefined
    ? directory
    : packageOf(directory)
}

const noticeOf = (directory: string): Notice => {
  const { license, name, version } = JSON.parse(readFileSync(join(directory, "package.json"), "utf8"))
  const file = readdirSync(directory).find((entry) => /^(?:licen[cs]e|copying)(?:\.(?:md|txt))?$/i.test(entry))
  const text =
    file === undefined
      ? (licenceInReadme(directory) ?? textOf(name, license))
      : readFileSync(join(directory, file), "utf8")
  if (text === undefined) throw new Error(`${name} is bundled and has no text of its licence (${license})`)
  return allowed({ name, version, licence: license, text })
}

/** Some packages have the text of their licence, whole, at the end of their README only. */
const licenceInReadme = (directory: string): string | undefined => {
  const file = readdirSync(directory).find((entry) => /^readme(?:\.md)?$/i.test(entry))
  if (file === undefined) return undefined
  const section = /^#+ *licen[cs]e\n([^]*?)(?=^#|$(?![^]))/im.exec(readFileSync(join(directory, file), "utf8"))?.[1]
  return section !== undefined && /copyright/i.test(section) && /permission/i.test(section) ? section : undefined
}

const allowed = (notice: Notice | Embedded): Notice => {
  if (allowedLicences.includes(notice.licence)) return notice
  throw new Error(`${notice.name} is bundled, and its licence ${notice.licence} is not one of: ${allowedLicences}`)
}

const render = (notices: ReadonlyArray<Notice>): string =>
  [
    "This program contains code of the packages below, under their licences.",
    ...notices
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .map(({ licence, name, text, version }) => `${"=".repeat(80)}\n${name} ${version} (${licence})\n\n${text.trim()}`)
  ].join("\n\n") + "\n"
