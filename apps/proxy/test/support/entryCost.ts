/**
 * `node --expose-gc entryCost.ts <query> <body> <entries>`: bytes that the cache counts for an entry with a query and a
 * body of so many bytes, and bytes that the process grows by, as JSON. An entry without a body is a failure.
 */
import { InvalidRequest, SessionsError } from "@hb-sessions/core/SessionsError"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import * as CachedResponse from "../../src/cache/CachedResponse.ts"
import { ByteCache } from "../../src/cache/ByteCache.ts"
import { failures, type LoadError } from "../../src/cache/LoadError.ts"
import { links } from "../../src/routes/page.ts"

const [querySize = 0, bodySize = 0, entries = 0] = process.argv.slice(2).map(Number)

const resident = (): number =>
  Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) * 1024

/** Gives back all that is not in use. */
const collect = Effect.sync(() => globalThis.gc?.({ type: "major", execution: "sync", flavor: "last-resort" })).pipe(
  Effect.andThen(Effect.sleep("20 millis")),
  Effect.repeat({ times: 3 })
)

const program = Effect.gen(function* () {
  const always = { fresh: "1 day", staleWhileRevalidate: 0, staleIfError: 0, patience: 0, negative: "1 day" } as const
  const cache = yield* ByteCache.make<CachedResponse.CachedResponse, LoadError>(
    { ...always, maxBytes: 2 ** 40 },
    failures
  )
  const load = (key: string): Effect.Effect<CachedResponse.CachedResponse, LoadError> => {
    if (bodySize === 0) {
      const detail = `${key.slice(0, 150)} is not accepted`
      const error = new SessionsError({ page: 1, reason: new InvalidRequest({ status: 400, detail }) })
      // Its stack leads to the fiber that it failed in, and to the answer that was read there.
      return Effect.fail(Object.assign(error, { answer: Array.from({ length: 2500 }, () => detail) }))
    }
    const link = links({ query: {}, extra: {}, key }, { rows: 1, pageSize: 10, totalCount: 100 })
    return Effect.succeed(
      CachedResponse.make(new Uint8Array(bodySize).fill(65), {
        contentType: "application/json; charset=utf-8",
        statuses: new Set(["closed"]),
        headers: [...(link === undefined ? [] : ["link", link]), "x-upstream-request-id", key.slice(-20)]
      })
    )
  }
  const fill = (from: number, to: number) =>
    Effect.gen(function* () {
      for (let index = from; index < to; index++) {
        const key = `x=${String(index).padStart(querySize, "q")}`
        yield* Effect.exit(cache.get(key, "somebody", () => load(key)))
      }
      yield* collect
      return { counted: cache.bytes, resident: resident() }
    })
  const before = yield* fill(0, 1000)
  const after = yield* fill(1000, 1000 + entries)
  return {
    counted: (after.counted - before.counted) / entries,
    resident: (after.resident - before.resident) / entries
  }
})

console.log(JSON.stringify(await Effect.runPromise(Effect.scoped(program))))
