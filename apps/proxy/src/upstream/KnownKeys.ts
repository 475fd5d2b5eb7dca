/**
 * The upstream keys that the proxy has or had: what must be in no log and in no trace.
 */
import type { KeySource } from "@hb-sessions/app-kit/KeySource"
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"

type Source = Pick<KeySource, "known">

/** Most sources that are remembered after their account has gone. */
const MAX_PREVIOUS = 100

/** Knows all keys. */
export class KnownKeys extends Context.Service<
  KnownKeys,
  {
    readonly all: () => ReadonlyArray<Redacted.Redacted>
    /** Adds the keys that a source gives, and will give. */
    readonly add: (source: Source) => void
    /** A source that is no longer in use; what it gave may be quoted for a while. */
    readonly retire: (source: Source) => void
  }
>()("@hb-sessions/proxy/KnownKeys") {
  static readonly layer = Layer.sync(KnownKeys, () => {
    const current = new Set<Source>()
    const previous = new Set<Source>()
    return {
      all: () => [...current, ...previous].flatMap((source) => source.known()),
      add: (source) => void current.add(source),
      retire: (source) => {
        if (!current.delete(source)) return
        previous.add(source)
        for (const oldest of previous) {
          if (previous.size <= MAX_PREVIOUS) break
          previous.delete(oldest)
        }
      }
    }
  })
}
