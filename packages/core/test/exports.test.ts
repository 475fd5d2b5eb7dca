/**
 * The names that each public module exports: one more or one less is a change that users see.
 */
import { expect, it } from "@effect/vitest"
import { readdirSync } from "node:fs"

const src = new URL("../src/", import.meta.url)

it("are these", async () => {
  const files = readdirSync(src).filter((name) => name.endsWith(".ts"))
  const modules = await Promise.all(files.map((file) => import(new URL(file, src).href)))
  const names = Object.fromEntries(
    files.map((file, i) => [file.replace(/\.ts$/, ""), Object.keys(modules[i]).toSorted()])
  )
  await expect(JSON.stringify(names, null, 2)).toMatchFileSnapshot("./fixtures/exports.json")
})
