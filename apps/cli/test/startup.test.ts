/**
 * What the installed program leaves for later, so that it starts sooner.
 */
import { assert, layer } from "@effect/vitest"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { Effect } from "effect"
import { readdirSync, realpathSync } from "node:fs"
import { dirname } from "node:path"
import { bin, runInstalledAt } from "./Cli.ts"

/** Prints which of `Intl` were made, and which files of the program were loaded. */
const script = `
import { registerHooks } from "node:module"
const made = []
for (const name of ["DateTimeFormat", "NumberFormat", "Segmenter"]) {
  const Original = Intl[name]
  Intl[name] = function (...args) {
    made.push(name)
    return new Original(...args)
  }
}
const loaded = []
registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) })
const isUndici = (name) => name.includes("deps/undici")
process.on("exit", () => {
  const hasUndici = process.moduleLoadList.some(isUndici)
  process.stderr.write("loaded " + JSON.stringify({ made, loaded, hasUndici }))
})
`

const spying = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(script)}` }

interface Spied {
  readonly made: ReadonlyArray<string>
  readonly loaded: ReadonlyArray<string>
  /** Whether the undici in Node was loaded, which takes as long as a tenth of a list. */
  readonly hasUndici: boolean
}

/** What a run made and loaded. */
const spied = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
  const { stderr } = yield* runInstalledAt(args, { env: spying })
  const found: Spied = JSON.parse(/loaded (.*)$/.exec(stderr)?.[1] ?? stderr)
  const ours = found.loaded.filter((url) => url.startsWith("file:")).map((url) => url.replace(/^.*\//, ""))
  return { ...found, files: ours.map((name) => name.replace(/-.{8}\.js$/, "")).toSorted() }
})

layer(Simulator.layer({ sessions: 3 }))("startup", (it) => {
  it.effect("a list makes nothing of Intl, whose objects take milliseconds each, unless it writes what needs one", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual((yield* spied("list", "--limit", "1")).made, [])
      assert.deepStrictEqual((yield* spied("list", "--limit", "1", "--format", "table")).made, [])
      const elsewhere = yield* spied("list", "--limit", "1", "--format", "table", "--tz", "Asia/Tokyo")
      assert.include(elsewhere.made, "DateTimeFormat")
    })
  )

  it.effect("a list loads few files, and help loads one", () =>
    Effect.gen(function* () {
      const { files, hasUndici } = yield* spied("list", "--limit", "1")
      assert.isFalse(hasUndici)
      assert.includeMembers(files, ["program", "reading"])
      assert.isBelow(files.length, 8)
      assert.isAbove(readdirSync(dirname(realpathSync(bin))).length, 15)
      assert.deepStrictEqual((yield* spied("--help")).files, ["bin.js", "manifest"])
    })
  )
})
