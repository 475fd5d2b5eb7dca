/**
 * Words that are out: docs/glossary.md and plain English have others for them.
 */
import { assert, it } from "vitest"
import { filesBelow, read } from "../src/workspace.ts"

/** What is written instead is in brackets. */
const out: ReadonlyArray<readonly [word: RegExp, instead: string]> = [
  [/\brefus(?:e[sd]?|al|als|ing)\b/gi, "reject, rejection, problem"],
  [/\bformer(?:ly)?\b/gi, "previous"],
  [/\bhygiene\b/gi, "request validation"],
  [/\bwhoever\b/gi, "the caller, the client, the user"],
  [/\bnobody\b/gi, "no client, no caller"],
  [/sweep/gi, "scan, cleanup, scope"]
]

/** Where they are out already. */
const places = ["packages/core", "packages/app-kit", "packages/simulator", "packages/conformance", "docs"]

/** Pages of the apps, whose words are still to be changed. */
const later = /^docs\/adr\/000[348]-/

const names = /\.(?:ts|md|svg|toml)$|package\.json$/

/** What others named so. */
const foreign = /\bECONNREFUSED\b/g

it.each(places)("%s uses none of the words that are out", (place) => {
  const files = filesBelow(place).filter(
    (file) => names.test(file) && !later.test(file) && !file.endsWith("CHANGELOG.md")
  )
  assert.isNotEmpty(files)
  const found = files.flatMap((file) =>
    read(file)
      .replaceAll(foreign, "")
      .split("\n")
      .flatMap((line, index) =>
        out.flatMap(([word, instead]) =>
          [...line.matchAll(word)].map(([text]) => `${file}:${index + 1}: ${text}; write ${instead}`)
        )
      )
  )
  assert.deepStrictEqual(found, [])
})
