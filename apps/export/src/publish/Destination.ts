/**
 * Where an export is published: a local directory, or a bucket.
 *
 * The job and the commands work with this interface and do not know which of the two it is. What a run writes before its
 * commit is in its staging directory, which is local in both forms.
 */
import type { AppError } from "@hb-sessions/app-kit/AppError"
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type { PlatformError } from "effect/PlatformError"
import type * as Scope from "effect/Scope"
import type { Manifest, PublishedFile, StateFile } from "./Manifest.ts"
import type { Staging } from "./Staging.ts"
import type { StoredManifest } from "./StoredManifest.ts"

/** A failure of a destination; those of the local disk are `PlatformError`. */
export type DestinationError = AppError | PlatformError

/** A longer note, in bytes, is none of ours. */
export const MAX_NOTE = 4096

/** A small text that runs keep in a destination. */
export interface Note {
  /** None if there is none; fails, or is empty, if it is longer than any of ours. */
  readonly read: Effect.Effect<Option.Option<string>, DestinationError>
  /** Replaces it; fails where nothing has been published or begun yet. */
  readonly write: (text: string) => Effect.Effect<void, DestinationError>
  readonly remove: Effect.Effect<void, DestinationError>
}

/** Where an export is published. */
export class Destination extends Context.Service<
  Destination,
  {
    /** The directory or URL, as given. */
    readonly name: string
    /** As `name`, and the same wherever the program is started: an absolute path, or the URL. */
    readonly id: string
    /** Shows a published path: as a path, or as a URL. */
    readonly show: (path: string) => string
    /** Fails if a run could not publish here; leaves nothing behind. */
    readonly check: Effect.Effect<void, DestinationError>
    /**
     * Takes the lease until the scope closes, and makes a staging directory. Whatever a previous run still does cannot
     * be published any more once this run has committed.
     *
     * Fails with exit code 75 while another run holds the lease.
     */
    readonly begin: Effect.Effect<Staging, DestinationError, Scope.Scope>
    /** Completes what a killed run left half done, and succeeds with the published manifest; none if there is none. */
    readonly recover: (staging: Staging) => Effect.Effect<Option.Option<StoredManifest>, DestinationError>
    /**
     * The published manifest; none when nothing is published.
     *
     * Rejects data that was modified: a run on it would lose rows that are believed to be published.
     */
    readonly published: Effect.Effect<Option.Option<StoredManifest>, DestinationError>
    /** The manifest that readers find, unchecked; none when there is none. */
    readonly newest: Effect.Effect<Option.Option<StoredManifest>, DestinationError>
    /** The manifest of a generation; none when it is not kept. */
    readonly manifestOf: (generation: number) => Effect.Effect<Option.Option<StoredManifest>, DestinationError>
    /** The generations of which anything is stored, ascending. */
    readonly generations: Effect.Effect<ReadonlyArray<number>, DestinationError>
    /** The generations after a given one that were committed. */
    readonly publishedAfter: (generation: number) => Effect.Effect<ReadonlyArray<number>, DestinationError>
    /** Where a run puts the files of a new generation: a relative path. */
    readonly newHome: (staging: Staging, generation: number) => string
    /**
     * A local file with the content of a published one, until the scope closes. There is no file if the published one is
     * gone.
     */
    readonly fetch: (file: PublishedFile | StateFile) => Effect.Effect<string, DestinationError, Scope.Scope>
    /**
     * Publishes the files below `data` in the staging directory, with their manifest: the commit. Then brings the rest in
     * line with it, as `recover` does. `previous` is the manifest that this one follows.
     */
    readonly commit: (
      staging: Staging,
      next: StoredManifest,
      previous: Option.Option<Manifest>
    ) => Effect.Effect<void, DestinationError>
    /** Whether the file beside the manifest is the one that the manifest says; true if it says none. */
    readonly isLatestCurrent: (manifest: Manifest) => Effect.Effect<boolean, DestinationError>
    /** All stored paths, sorted, without those that belong to runs; that of an empty directory ends in a slash. */
    readonly entries: Effect.Effect<ReadonlyArray<string>, DestinationError>
    /** A small text from one run to the next, beside what is published and not for readers. */
    readonly note: Note
    /** The staging directories of runs that were stopped. */
    readonly unfinished: Effect.Effect<ReadonlyArray<string>, DestinationError>
  }
>()("@hb-sessions/export/publish/Destination") {}
