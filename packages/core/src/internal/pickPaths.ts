/**
 * The part of a record at some paths.
 */
import { ExactNumber } from "./ExactNumber.ts"

type Path = ReadonlyArray<string>

interface Tree {
  [key: string]: unknown
}

/** Makes a function that copies the values at the given paths, nested as they were; what is absent stays absent. */
export const pickPaths = (given: ReadonlyArray<Path>): ((whole: unknown) => unknown) => {
  // A named key includes everything below it.
  const paths = given.filter((path) => !given.some((above) => above.length < path.length && isWithin(path, above)))
  return (whole) => {
    const picked = emptyTree()
    for (const path of paths) {
      const value = path.reduce(below, whole)
      if (value === undefined) continue
      let into = picked
      for (const key of path.slice(0, -1)) into = into[key] = asTree(into[key]) ?? emptyTree()
      into[path[path.length - 1] ?? ""] = value
    }
    return picked
  }
}

const isWithin = (path: Path, above: Path): boolean => above.every((key, depth) => path[depth] === key)

/** The value of an own key; a number that is kept as text has none, and an array no `length`. */
const below = (value: unknown, key: string): unknown => {
  const tree = asTree(value)
  return tree !== undefined && Object.hasOwn(tree, key) && !(Array.isArray(value) && key === "length")
    ? tree[key]
    : undefined
}

/** Without a prototype, since a key may be `__proto__`. */
const emptyTree = (): Tree => Object.create(null)

const asTree = (value: unknown): Tree | undefined => (isTree(value) ? value : undefined)

const isTree = (value: unknown): value is Tree =>
  typeof value === "object" && value !== null && !(value instanceof ExactNumber)
