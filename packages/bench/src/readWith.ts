/**
 * Reads the whole list once by the reader that is named, in a process of its own, and prints how many sessions came.
 */
import { checkedByHand, handWritten, ours, sdkLoop } from "./readers.ts"

const readers = { ours, sdk: sdkLoop, "by-hand": handWritten, checked: checkedByHand }

/** The names that the program takes. */
export type Reader = keyof typeof readers

if (import.meta.main) {
  const read = readers[process.argv[2] as Reader]({
    url: process.env["HYPERBROWSER_BASE_URL"] ?? "",
    apiKey: process.env["HYPERBROWSER_API_KEY"] ?? "",
    pageSize: 100,
    concurrency: 16
  })
  console.log(await read())
}
