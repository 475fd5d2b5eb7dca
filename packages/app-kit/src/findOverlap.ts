/**
 * Places that files are written to and that are not apart.
 */
import { resolve } from "node:path"

/** A directory or a URL, and whose it is. */
export interface OwnedPlace {
  readonly owner: string
  readonly place: string
}

/** Two places of which one is the other, or is in it. */
export interface Overlap {
  readonly inner: OwnedPlace
  readonly outer: OwnedPlace
  readonly isSame: boolean
}

/**
 * Finds two places that are the same, or of which one is inside of the other; undefined when all are apart.
 *
 * **Details**
 *
 * `.`, empty parts and a slash at the end make no difference, and neither does the case of a scheme; that of all else
 * does. Symbolic links are not looked at.
 */
export const findOverlap = (places: ReadonlyArray<OwnedPlace>): Overlap | undefined => {
  const owners = new Map<string, OwnedPlace>()
  const all = places.map((owned) => ({ owned, parts: partsOf(owned.place) }))
  for (const { owned, parts } of all) {
    const outer = owners.get(parts.join("/"))
    if (outer !== undefined) return { inner: owned, outer, isSame: true }
    owners.set(parts.join("/"), owned)
  }
  for (const { owned, parts } of all) {
    for (let length = 1; length < parts.length; length++) {
      const outer = owners.get(parts.slice(0, length).join("/"))
      if (outer !== undefined) return { inner: owned, outer, isSame: false }
    }
  }
  return undefined
}

/** A URL by its scheme, its host and its path, all else as a directory. */
const partsOf = (place: string): ReadonlyArray<string> => {
  const [, scheme, rest] = /^([a-z][a-z\d+.-]+):\/\/(.*)$/is.exec(place) ?? []
  if (scheme === undefined || rest === undefined)
    return [
      "",
      ...resolve(place)
        .split("/")
        .filter((part) => part !== "")
    ]
  return [`${scheme.toLowerCase()}:`, ...rest.split("/").filter((part) => part !== "" && part !== ".")]
}
