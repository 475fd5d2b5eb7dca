/**
 * JSON compared as it is written: numbers by their text, keys in any order.
 */

/** The value of a JSON text with each number as the text that it has there. */
export const exact = (json: string): unknown =>
  JSON.parse(json, (_, value: unknown, context?: { readonly source: string }) =>
    typeof value === "number" ? { number: context?.source } : value
  )
