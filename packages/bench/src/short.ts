/**
 * `short`: short lists behind a network, where round trips are what counts.
 */
import { compare } from "./Comparison.ts"
import { ours, sdkLoop } from "./readers.ts"
import { atLeast, type Claim, type Section, significant, times } from "./Report.ts"
import { withUpstream } from "./upstream.ts"

const PAGES = [20, 50, 100]
const PAGE_SIZE = 10
const IN_FLIGHT = 16
const LATENCY = 20

const CAUSE = "A round also takes the upstream and the client a few milliseconds beyond the 20."

/**
 * Rounds of requests, one after another, that a verified read needs: page 1 alone, as only it tells how many there are;
 * the others, 16 at a time; and those of the proof, which must be asked for when all pages have come, at once.
 */
const roundsOf = (pages: number): number => 1 + Math.ceil((pages - 1) / IN_FLIGHT) + 1

/** Where the server filters, the proof is page 1 again, and once more, and then the last page and all of them. */
const filteredRoundsOf = (pages: number): number => roundsOf(pages) + 1 + Math.ceil((pages + 1) / IN_FLIGHT)

export const short = async (rounds: number, isQuick: boolean): Promise<Section> => {
  const rows: Array<ReadonlyArray<string>> = []
  const claims: Array<Claim> = []
  for (const pages of PAGES) {
    const flags = [
      "--sessions",
      String(pages * PAGE_SIZE - 5),
      "--page-size",
      String(PAGE_SIZE),
      "--latency",
      `${LATENCY}ms`,
      "--active-share",
      "0",
      "--error-share",
      "0"
    ]
    const results = await withUpstream(flags, (upstream) => {
      const options = { ...upstream, pageSize: PAGE_SIZE, concurrency: IN_FLIGHT }
      return compare({
        contestants: [
          { name: "ours", run: ours(options) },
          { name: "sdk", run: sdkLoop(options) },
          { name: "fast", run: ours({ ...options, consistency: "fast" }) },
          { name: "filtered", run: ours({ ...options, status: "closed" }) }
        ],
        rounds,
        warmups: isQuick ? 1 : 3
      })
    })
    const [verified, sequential, fast, filtered] = results
    if (verified === undefined || sequential === undefined || fast === undefined || filtered === undefined) {
      throw new Error("nothing to compare")
    }
    const allowed = pages / roundsOf(pages)
    const filteredAllowed = pages / filteredRoundsOf(pages)
    const filteredRatio = sequential.cost / filtered.cost
    rows.push([
      String(pages),
      significant(sequential.cost),
      significant(verified.cost),
      significant(fast.cost),
      `${pages} ÷ ${roundsOf(pages)} = ${times(allowed)}`,
      times(sequential.ratio),
      times(sequential.ratio / allowed),
      significant(filtered.cost),
      `${pages} ÷ ${filteredRoundsOf(pages)} = ${times(filteredAllowed)}`,
      times(filteredRatio / filteredAllowed)
    ])
    claims.push(
      atLeast(`speed of a list of ${pages} pages ÷ what its round trips allow`, 0.8, sequential.ratio / allowed, {
        cause: CAUSE
      }),
      atLeast(`the same of a list of ${pages} pages that the server filters`, 0.8, filteredRatio / filteredAllowed, {
        cause: CAUSE
      })
    )
  }
  return {
    name: "short",
    work: `Read lists of ${PAGES.join(", ")} pages, ${IN_FLIGHT} in flight, from an upstream that takes ${LATENCY} ms for each page, against the SDK's loop, one page after another.`,
    tables: [
      {
        columns: [
          "pages",
          "SDK's loop, ms",
          "ours, verified, ms",
          "ours, fast, ms",
          "round trips allow",
          "ours is as fast",
          "share",
          "filtered, ms",
          "round trips allow",
          "share"
        ],
        rows
      }
    ],
    claims,
    notes: [
      "What the number of round trips allows: the loop needs one for each page. A verified read needs page 1, which tells how many there are; the other pages, 16 at a time; and the requests of its proof, all at once, when every page has come. So a list of n pages can be read n ÷ (2 + ⌈(n − 1) ÷ 16⌉) times as fast. The last page of these lists is not full; after one that is, the page after it is read before the proof, in a round trip more. Where the server filters, the proof is page 1 again, and once more, and then the last page and all of them: ⌈(n + 1) ÷ 16⌉ + 1 round trips more."
    ]
  }
}
