/**
 * Readers for the small notations of the command line. They fail with a sentence that says what is allowed.
 */
import * as Result from "effect/Result"

/** Reads `name=number,name=number`, each name at most once and each number from 0 to `max`. */
export const parsePairs = <Name extends string>(
  text: string,
  options: { readonly names: ReadonlyArray<Name>; readonly max: number; readonly example: string }
): Result.Result<{ readonly [K in Name]?: number }, string> => {
  const pairs: { [K in Name]?: number } = {}
  for (const part of text.split(",")) {
    const [rawName = "", rawNumber = ""] = part.split("=", 2).map((side) => side.trim())
    const name = options.names.find((known) => known === rawName)
    if (name === undefined) {
      return Result.fail(`"${rawName}" is not known; use ${options.names.join(", ")}, for example ${options.example}`)
    }
    if (name in pairs) return Result.fail(`"${name}" is given twice; give it once`)
    const number = rawNumber === "" ? Number.NaN : Number(rawNumber)
    if (!(number >= 0 && number <= options.max)) {
      const range = options.max === Number.MAX_SAFE_INTEGER ? "of at least 0" : `from 0 to ${options.max}`
      return Result.fail(`"${name}" needs a number ${range}, for example ${options.example}`)
    }
    pairs[name] = number
  }
  return Result.succeed(pairs)
}

const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const

/** Reads `20ms`, `1.5s`, `2m` or `1h`, and a bare number as milliseconds. */
export const parseMillis = (text: string): Result.Result<number, string> => {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text.trim())
  if (match === null) return Result.fail(`"${text}" is not a time; use a number with ms, s, m or h, for example 20ms`)
  const unit = match[2] === undefined ? 1 : units[match[2] as keyof typeof units]
  return Result.succeed(Number(match[1]) * unit)
}

/** Reads a time such as `20ms`, or a range of times such as `20ms..50ms`. */
export const parseMillisRange = (text: string): Result.Result<readonly [number, number], string> =>
  Result.gen(function* () {
    const [low = "", high = low, ...rest] = text.split("..")
    if (rest.length > 0) return yield* Result.fail(`"${text}" has more than two ends; write it as 20ms..50ms`)
    const from = yield* parseMillis(low)
    const to = yield* parseMillis(high)
    if (from > to) return yield* Result.fail(`"${text}" ends before it begins; write the shorter time first`)
    return [from, to] as const
  })
