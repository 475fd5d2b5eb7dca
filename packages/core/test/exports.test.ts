/**
 * The names that each public module exports: one more or one less is a change that users see.
 */
import { expect, it } from "@effect/vitest"
import { readdirSync } from "node:fs"

const src = new URL("../src/", import.meta.url)

it("are these", async () => {
  const names: Record<string, ReadonlyArray<string>> = {}
  for (const file of readdirSync(src).filter((name) => name.endsWith(".ts"))) {
    names[file.replace(/\.ts$/, "")] = Object.keys(await import(new URL(file, src).href)).toSorted()
  }
  await expect(JSON.stringify(names, null, 2)).toMatchFileSnapshot("./fixtures/exports.json")
})
