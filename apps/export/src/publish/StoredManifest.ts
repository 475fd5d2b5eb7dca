/**
 * A manifest as it is stored, with its digest.
 */
import type { AppError } from "@hb-sessions/app-kit/AppError"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { hash } from "node:crypto"
import { exitCodes, fail } from "../exitCodes.ts"
import { names } from "./Layout.ts"
import { type Manifest, ManifestJson, schemaVersion, toText, Versioned } from "./Manifest.ts"

/** A manifest and its digest. */
export interface StoredManifest {
  readonly manifest: Manifest
  /** As it is stored. */
  readonly text: string
  /** SHA-256 of the text, by which the next manifest names it. */
  readonly sha256: string
}

const storedAs = (manifest: Manifest, text: string): StoredManifest => ({
  manifest,
  text,
  sha256: hash("sha256", text, "hex")
})

/** A manifest to be stored. */
export const make = (manifest: Manifest): StoredManifest => storedAs(manifest, toText(manifest))

/**
 * Reads a stored manifest; `place` is its path or URL.
 *
 * Rejects one that is damaged or has a newer version, and leaves it in place: publishing nothing is better than guessing
 * what was published.
 */
export const decode = Effect.fn("StoredManifest.decode")(function* (
  text: string,
  place: string
): Effect.fn.Return<StoredManifest, AppError> {
  const version = Option.map(Schema.decodeOption(Versioned)(text), (found) => found.schemaVersion)
  if (Option.isSome(version) && version.value > schemaVersion) {
    return yield* fail(
      exitCodes.usage,
      `${place} has version ${version.value}, and this program reads version ${schemaVersion}; update this program`
    )
  }
  const damaged = fail(
    exitCodes.usage,
    `${place} is damaged; restore it from its copy in the newest directory in ${names.generations}, or move it and ${names.generations} away to start over`
  )
  const manifest = yield* Schema.decodeEffect(ManifestJson)(text).pipe(Effect.catch(() => damaged))
  return storedAs(manifest, text)
})
