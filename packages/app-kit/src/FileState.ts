/**
 * Whether a file has changed, without reading it.
 */
import { attempt } from "./SystemError.ts"
import * as Effect from "effect/Effect"
import { stat } from "node:fs/promises"

/** How a file looks. */
export interface FileState {
  /**
   * What tells one state of the file from another, or why it cannot be told. The time of the last change covers what
   * the others do not: an owner, a group or a mode that was changed and back, a time of modification set by hand.
   */
  readonly state: string
  /** Whether it has a name somewhere: one that was replaced where it is mounted from has none, and never changes again. */
  readonly isNamed: boolean
}

/** Looks at a file; symbolic links are followed. */
export const look = (file: string): Effect.Effect<FileState> =>
  attempt(() => stat(file, { bigint: true })).pipe(
    Effect.map(({ ctimeNs, dev, gid, ino, mode, mtimeNs, nlink, size, uid }) => ({
      state: [dev, ino, uid, gid, mode, size, mtimeNs, ctimeNs].join(),
      isNamed: nlink > 0n
    })),
    Effect.catch(({ code }) => Effect.succeed({ state: code, isNamed: true }))
  )

/** What is wrong with a file that has no name any more. */
export const REPLACED = "it was removed or replaced where it is mounted from; mount its directory instead"
