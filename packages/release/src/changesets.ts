/**
 * What the pending changesets say, and what they leave open.
 */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { parse } from "yaml"
import { apps } from "./workspace.ts"

export interface Changeset {
  readonly file: string
  /** `major`, `minor`, `patch` or `none` by the name of a package. */
  readonly releases: Readonly<Record<string, string>>
  readonly summary: string
}

export const parseChangeset = (file: string, text: string): Changeset => {
  const [, front, summary] = /^---\n([\s\S]*?)\n?---\n([\s\S]*)$/.exec(text) ?? []
  if (front === undefined || summary === undefined) throw new Error(`${file} does not begin with ---`)
  return { file, releases: parse(front) ?? {}, summary: summary.trim() }
}

export const readChangesets = (directory: string): ReadonlyArray<Changeset> =>
  readdirSync(directory)
    .filter((file) => file.endsWith(".md") && file !== "README.md")
    .map((file) => parseChangeset(file, readFileSync(join(directory, file), "utf8")))

const core = "@hb-sessions/core"

/**
 * What is wrong with a changeset, as sentences.
 *
 * The apps bundle core, and Changesets does not know: their users get a change of core with a release of the app only.
 * So a changeset that releases core says of each app whether its users notice, `none` included.
 */
export const problemsOf = ({ file, releases, summary }: Changeset): ReadonlyArray<string> => {
  const [title = ""] = summary.split("\n")
  const undecided = apps.filter(({ manifest }) => releases[manifest.name] === undefined)
  return [
    ...((releases[core] ?? "none") === "none"
      ? []
      : undecided.map(
          ({ manifest }) =>
            `${file} releases ${core}: name ${manifest.name} too, with "none" if its users do not notice`
        )),
    ...(title === "" ? [`${file} tells users nothing`] : []),
    ...(title === "" || title.endsWith(".") ? [] : [`${file} begins with something else than a sentence: ${title}`])
  ]
}
