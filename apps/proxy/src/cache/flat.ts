/**
 * A Latin-1 text as one piece of memory.
 *
 * A text that was put together or cut out keeps its parts, or the whole that it was cut out of: 40 times its own size
 * for a long query.
 */
export const flat = (text: string): string => Buffer.from(text, "latin1").toString("latin1")
