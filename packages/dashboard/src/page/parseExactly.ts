/**
 * JSON whose numbers keep all their digits when they are written again.
 */

/** What newer browsers have: the text that a number came as, and a way to write it. */
const { rawJSON } = JSON as { readonly rawJSON?: (text: string) => unknown }

/** Parses a text; a number that JavaScript cannot hold is rounded where the browser is too old to know its text. */
export const parseExactly = (text: string): unknown =>
  JSON.parse(text, (_key, value: unknown, context?: { readonly source?: string }) => {
    const source = typeof value === "number" ? context?.source : undefined
    return rawJSON === undefined || source === undefined || source === String(value) ? value : rawJSON(source)
  })
