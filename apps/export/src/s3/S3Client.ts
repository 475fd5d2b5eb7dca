/**
 * The objects of an object store below one location, over HTTP.
 */
import type { AppError } from "@hb-sessions/app-kit/AppError"
import type * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type { PlatformError } from "effect/PlatformError"
import type * as Stream from "effect/Stream"
import { copyObject } from "./copyObject.ts"
import { listObjects, listUploads } from "./listObjects.ts"
import { abortUpload } from "./multipart.ts"
import { downloadObject, getObject, headObject } from "./readObjects.ts"
import { type S3Connection, toS3Error } from "./S3Connection.ts"
import * as S3Credentials from "./S3Credentials.ts"
import type { S3Error } from "./S3Error.ts"
import type { S3Location } from "./S3Location.ts"
import type { Condition, Listed, ObjectInfo, SmallObject, UnfinishedUpload, Written } from "./S3Object.ts"
import { defaultLimits, type S3Limits, s3Settings } from "./S3Settings.ts"
import { uploadFile } from "./uploadFile.ts"
import { bodyOf, putObject, removeObjects, textBody } from "./writeObjects.ts"

/**
 * The objects below one location. Every key is below its prefix, so that nothing outside of it can be read or written.
 *
 * **Details**
 *
 * Every request is retried with growing, jittered waits, within bounds, on 429, 5xx, a reset or no answer in time. A
 * conditional write that is retried may meet its own first attempt: it fails with `PreconditionFailed` although it
 * succeeded, and the caller has to read the object to find out.
 */
export class S3Client extends Context.Service<
  S3Client,
  {
    readonly location: S3Location
    /** Reads an object whole; none if it is absent. Fails with `Unexpected` if it has more than `maxBytes`, 256 MiB by default. */
    readonly get: (
      key: string,
      options?: { readonly maxBytes?: number }
    ) => Effect.Effect<Option.Option<SmallObject>, S3Error>
    /**
     * Streams an object to a file of the local disk, which is created or overwritten. A cut transfer is continued, as
     * long as the object is the same. Fails with `NotFound`, and with `Unexpected` if the object has not `bytes`.
     */
    readonly download: (
      key: string,
      file: string,
      options: { readonly bytes: number }
    ) => Effect.Effect<void, S3Error | PlatformError>
    /** What the store says about an object; none if it is absent. */
    readonly head: (key: string) => Effect.Effect<Option.Option<ObjectInfo>, S3Error>
    /**
     * Writes a small object.
     *
     * **Details**
     *
     * Fails with `PreconditionFailed` (412), and with `NotFound` for `ifMatch` on an absent key. `quoted: false` sends
     * the ETag of `ifMatch` without quotes, as Ceph RGW 16 wants it.
     */
    readonly put: (
      key: string,
      body: string | Uint8Array,
      condition?: Condition,
      options?: { readonly quoted?: boolean }
    ) => Effect.Effect<Written, S3Error>
    /**
     * Writes an object from a file of the local disk, in parts above 64 MiB.
     *
     * **Details**
     *
     * `sha256`, in hexadecimal, is checked: by the store below 64 MiB, else here, with a checksum of each part that the
     * store checks. An upload in parts that fails or is interrupted is aborted.
     */
    readonly upload: (
      key: string,
      file: string,
      options: { readonly bytes: number; readonly sha256: string }
    ) => Effect.Effect<void, S3Error | PlatformError>
    /** Copies an object inside the store, in parts above 5 GiB. Fails with `NotFound` if it is absent. */
    readonly copy: (from: string, to: string) => Effect.Effect<void, S3Error>
    /** Removes objects; absent ones are no failure. */
    readonly remove: (keys: Iterable<string>) => Effect.Effect<void, S3Error>
    /** The objects whose keys begin with a text, in the order of their keys' bytes, page after page. */
    readonly list: (prefix: string, options?: { readonly startAfter?: string }) => Stream.Stream<Listed, S3Error>
    /** The uploads in parts that are under way or were left, whose keys begin with a text. */
    readonly listUploads: (prefix: string) => Stream.Stream<UnfinishedUpload, S3Error>
    /** Aborts an upload in parts; one that is gone is no failure. */
    readonly abort: (upload: Pick<UnfinishedUpload, "key" | "uploadId">) => Effect.Effect<void, S3Error>
  }
>()("@hb-sessions/export/S3Client") {
  /**
   * A client with the credentials, the region and the endpoint of the environment, over the given transport, which must
   * not follow redirects.
   *
   * **Details**
   *
   * Fails at once where there are no credentials; sends nothing before the first call.
   */
  static readonly layer = (
    location: S3Location,
    limits: Partial<S3Limits> = {}
  ): Layer.Layer<S3Client, S3Error | AppError | Config.ConfigError, HttpClient.HttpClient | FileSystem.FileSystem> =>
    Layer.effect(S3Client, make(location, { ...defaultLimits, ...limits }))
}

/** The client, without a layer. */
const make = Effect.fnUntraced(function* (location: S3Location, limits: S3Limits) {
  const http = yield* HttpClient.HttpClient
  const fs = yield* FileSystem.FileSystem
  const settings = yield* s3Settings
  const credentials = yield* Effect.catchTag(S3Credentials.make(settings.region, limits), "Permanent", (failed) =>
    Effect.fail(toS3Error(location, { action: "credentials" }, failed))
  )
  const connection: S3Connection = { http, location, settings, credentials, limits }
  const withFiles = Effect.provideService(FileSystem.FileSystem, fs)
  return S3Client.of({
    location,
    get: Effect.fn("S3Client.get")((key, options) => getObject(connection, key, options?.maxBytes)),
    download: Effect.fn("S3Client.download")((key, file, { bytes }) =>
      withFiles(downloadObject(connection, key, file, bytes))
    ),
    head: Effect.fn("S3Client.head")((key) => headObject(connection, key)),
    put: Effect.fn("S3Client.put")((key, body, condition, options) =>
      putObject(connection, key, typeof body === "string" ? textBody(body) : bodyOf(body), condition, options?.quoted)
    ),
    upload: Effect.fn("S3Client.upload")((key, file, measures) =>
      withFiles(uploadFile(connection, key, file, measures))
    ),
    copy: Effect.fn("S3Client.copy")((from, to) => copyObject(connection, from, to)),
    remove: Effect.fn("S3Client.remove")((keys) => removeObjects(connection, keys)),
    list: (prefix, options) => listObjects(connection, prefix, options?.startAfter),
    listUploads: (prefix) => listUploads(connection, prefix),
    abort: Effect.fn("S3Client.abort")((upload) => abortUpload(connection, upload))
  })
})
