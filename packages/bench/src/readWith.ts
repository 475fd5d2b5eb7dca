/**
 * Reads the whole list once by the reader that is named, in a process of its own, and prints how many sessions came.
 */
import { checkedByHand, forAwaitPager, handWritten, ours, type ReaderOptions, sdkLoop } from "./readers.ts"

const readers = {
  ours,
  fast: (options: ReaderOptions) => ours({ ...options, consistency: "fast" }),
  sdk: sdkLoop,
  pager: forAwaitPager,
  "by-hand": handWritten,
  checked: checkedByHand
}

/** The names that the program takes. */
export type Reader = keyof typeof readers

/** The reader of a name, for the list that the environment names. */
export const readerOf = (name: Reader): (() => Promise<number>) =>
  readers[name]({
    url: process.env["HYPERBROWSER_BASE_URL"] ?? "",
    apiKey: process.env["HYPERBROWSER_API_KEY"] ?? "",
    pageSize: 100,
    concurrency: 16
  })

if (import.meta.main) console.log(await readerOf(process.argv[2] as Reader)())
