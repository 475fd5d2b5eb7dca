/**
 * The reference of core can be generated, and every export has a comment.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, it } from "vitest"
import { generate } from "../src/ApiReference.ts"
import { filesBelow } from "../src/workspace.ts"

it("documents every module and export of core, without a broken link", async () => {
  const directory = mkdtempSync(join(tmpdir(), "hb-sessions-api-"))
  try {
    assert.deepStrictEqual(await generate(directory), [])
    for (const file of filesBelow("packages/core/src")) {
      const module = /^packages\/core\/src\/(\w+)\.ts$/.exec(file)?.[1]
      if (module !== undefined) assert.isTrue(existsSync(join(directory, "modules", `${module}.html`)), module)
    }
  } finally {
    rmSync(directory, { recursive: true })
  }
}, 60_000)
