/**
 * As much of JSON Schema as the OpenAPI document of the proxy uses; an unknown keyword is an error, not a pass.
 */

export type Schema = { readonly [keyword: string]: any }

const ANNOTATIONS = new Set([
  "description",
  "title",
  "examples",
  "example",
  "default",
  "format",
  "$defs",
  "contentMediaType"
])

/** What is wrong with a value; empty if nothing is. */
export const check = (schema: Schema, value: any, root: Schema, path = "$"): ReadonlyArray<string> => {
  const problems: Array<string> = []
  const wrong = (text: string) => problems.push(`${path}: ${text}`)
  for (const [keyword, expected] of Object.entries(schema)) {
    switch (keyword) {
      case "$ref": {
        const target = expected
          .slice(2)
          .split("/")
          .reduce((node: any, key: string) => node?.[key], root)
        if (target === undefined) throw new Error(`no ${expected}`)
        problems.push(...check(target, value, root, path))
        break
      }
      case "type":
        if (![expected].flat().some((type) => isOfType(type, value))) wrong(`not of type ${expected}`)
        break
      case "enum":
        if (!expected.includes(value)) wrong("not among the values")
        break
      case "const":
        if (expected !== value) wrong(`not ${expected}`)
        break
      case "anyOf":
        if (!expected.some((branch: Schema) => check(branch, value, root, path).length === 0)) wrong("fits no branch")
        break
      case "allOf":
        for (const branch of expected) problems.push(...check(branch, value, root, path))
        break
      case "properties":
        if (!isOfType("object", value)) break
        for (const [key, property] of Object.entries<Schema>(expected)) {
          if (Object.hasOwn(value, key)) problems.push(...check(property, value[key], root, `${path}.${key}`))
        }
        break
      case "required":
        if (!isOfType("object", value)) break
        for (const key of expected) if (!Object.hasOwn(value, key)) wrong(`lacks ${key}`)
        break
      case "additionalProperties":
        if (!isOfType("object", value) || expected === true) break
        for (const key of Object.keys(value)) {
          if (Object.hasOwn(schema["properties"] ?? {}, key)) continue
          if (expected === false) wrong(`must not have ${key}`)
          else problems.push(...check(expected, value[key], root, `${path}.${key}`))
        }
        break
      case "items":
        if (Array.isArray(value))
          value.forEach((item, index) => problems.push(...check(expected, item, root, `${path}[${index}]`)))
        break
      case "minimum":
        if (typeof value === "number" && value < expected) wrong(`below ${expected}`)
        break
      case "maximum":
        if (typeof value === "number" && value > expected) wrong(`above ${expected}`)
        break
      case "minLength":
        if (typeof value === "string" && value.length < expected) wrong(`shorter than ${expected}`)
        break
      case "pattern":
        if (typeof value === "string" && !new RegExp(expected, "u").test(value)) wrong(`does not match ${expected}`)
        break
      default:
        if (!ANNOTATIONS.has(keyword)) throw new Error(`unknown keyword ${keyword} at ${path}`)
    }
  }
  return problems
}

const isOfType = (type: string, value: unknown): boolean => {
  switch (type) {
    case "null":
      return value === null
    case "array":
      return Array.isArray(value)
    case "object":
      return typeof value === "object" && value !== null && !Array.isArray(value)
    case "integer":
      return Number.isInteger(value)
    default:
      return typeof value === type
  }
}
