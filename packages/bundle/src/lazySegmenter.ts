/**
 * A plugin that lets `effect/cli` make its `Intl.Segmenter` when it first needs one.
 *
 * It makes one when it is loaded, which takes ten milliseconds of every start, and needs it for text beyond ASCII only.
 */
import type { Plugin } from "rolldown"

const EAGER = /const graphemeSegmenter = (?:\/\*#__PURE__\*\/)?\s*(new Intl\.Segmenter\([^)]*\));/

const lazy = (made: string): string =>
  `let madeSegmenter; const graphemeSegmenter = { segment: (text) => (madeSegmenter ??= ${made}).segment(text) };`

/** The build fails where there is nothing to change any more. */
export const lazySegmenter = (): Plugin => ({
  name: "lazy-segmenter",
  transform: {
    filter: { id: /\/effect\/dist\/cli\/CliOutput\.js$/ },
    handler: (code) => {
      const made = EAGER.exec(code)?.[1]
      if (made === undefined) throw new Error("effect/cli/CliOutput makes no segmenter that could be made later")
      return code.replace(EAGER, () => lazy(made))
    }
  }
})
