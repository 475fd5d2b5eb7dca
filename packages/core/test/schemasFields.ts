import { type JsonSchema, Predicate } from "effect"

/** The path of every field of a schema with what it holds, the root first; the item of an array has the key `0`. */
export const fieldPaths = (
  document: JsonSchema.Document<"draft-2020-12">
): ReadonlyArray<{ readonly path: ReadonlyArray<string>; readonly isLeaf: boolean }> => {
  const definitions = new Map<string, unknown>(Object.entries(document.definitions))
  const resolve = (node: unknown): ReadonlyArray<object> => {
    if (!Predicate.isObject(node)) return []
    if (Predicate.hasProperty(node, "$ref")) return resolve(definitions.get(String(node.$ref).split("/").at(-1) ?? ""))
    const options = Predicate.hasProperty(node, "anyOf") && Array.isArray(node.anyOf) ? node.anyOf.flatMap(resolve) : []
    return [node, ...options]
  }
  const children = (node: object): ReadonlyArray<readonly [string, unknown]> => [
    ...(Predicate.hasProperty(node, "properties") ? Object.entries(Object(node.properties)) : []),
    ...(Predicate.hasProperty(node, "items") ? [["0", node.items] as const] : [])
  ]
  const walk = (node: unknown, path: ReadonlyArray<string>): ReturnType<typeof fieldPaths> => {
    const below = resolve(node).flatMap(children)
    return [{ path, isLeaf: below.length === 0 }, ...below.flatMap(([key, child]) => walk(child, [...path, key]))]
  }
  return walk(document.schema, [])
}
