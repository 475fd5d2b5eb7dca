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
  [/sweep/gi, "scan, cleanup, scope"],
  [/\bkept aside\b/gi, "quarantined"],
  [/\bgone on with\b/gi, "resumed, continued"],
  [/\brelieved?\b/gi, "lost the lock"],
  [/\bmend(?:s|ed|ing)?\b/gi, "repair"],
  [/\bsettl(?:es?|ed|ing)\b/gi, "reconcile"],
  [/\bdear(?:est)?\b/gi, "expensive"],
  [/\bleft alone\b/gi, "circuit open, not disturbed"],
  [/\bdeaf\b/gi, "unreachable, not reading"],
  [/\bends? (?:well|badly)\b/gi, "succeed, fail"],
  [/\bthe door\b/gi, "entry point, accepting connections"]
]

/** What says how a word was replaced, and this list. */
const names = /^\.changeset\/[a-z]+-words\.md$|^packages\/docs\/test\/words\.test\.ts$/

const texts = /\.(?:ts|md|svg|toml|ya?ml|service|timer)$|package\.json$|\/deploy\/[^/]+$|^\.ci\//

/** What others named so. */
const foreign = /\bECONNREFUSED\b/g

const files = filesBelow(".").filter(
  (file) => texts.test(file) && !names.test(file) && !file.endsWith("CHANGELOG.md") && file !== "pnpm-lock.yaml"
)

const placeOf = (file: string): string => /^(?:apps|packages)\/[^/]+|^[^/]+(?=\/)/.exec(file)?.[0] ?? "the root"

it.each([...Map.groupBy(files, placeOf)])("%s uses none of the words that are out", (_, own) => {
  const found = own.flatMap((file) =>
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

it("looks at every package, the documents and the changesets", () => {
  const places = new Set(files.map(placeOf))
  for (const place of ["apps/cli", "apps/export", "apps/proxy", "packages/core", "docs", ".changeset", "the root"]) {
    assert.isTrue(places.has(place), place)
  }
})
