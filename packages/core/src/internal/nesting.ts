/** How deep the values of a page may be nested: code that goes through them, `JSON.stringify` among it, needs the stack. */

/** Levels of objects and arrays in a page. */
export const MAX_DEPTH = 512

/** Whether a value has more levels; it is looked through level by level, as what it looks for would overflow the stack. */
export const isTooDeep = (value: unknown, levels = MAX_DEPTH): boolean => {
  let level = [value].filter(isNested)
  for (let depth = 0; depth < levels && level.length > 0; depth++) {
    level = level.flatMap((each) => Object.values(each).filter(isNested))
  }
  return level.length > 0
}

const isNested = (value: unknown): value is object => typeof value === "object" && value !== null
