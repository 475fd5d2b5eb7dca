/**
 * What the tests of files share.
 */
import { Effect } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** A directory that is removed with the scope. */
export const directory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "hb-sessions-app-kit-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)
