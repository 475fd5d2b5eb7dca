/**
 * Lists objects, and uploads that were never completed.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as answers from "./answers.ts"
import { type S3Connection, type S3Request, send, unexpected } from "./S3Connection.ts"
import type { S3Error } from "./S3Error.ts"
import { fullKey } from "./S3Location.ts"
import type { Listed, UnfinishedUpload } from "./S3Object.ts"
import type { S3Xml } from "./S3Xml.ts"

/** Where a page of a list begins, as the page before it told. */
type Place = Readonly<Record<string, string>>

/** A page of a list, from 1, and where it begins. */
interface At {
  readonly place: Place
  readonly count: number
}

/** Reads page after page; a list that stays where it is, or has no end, fails. */
const pages = <A>(
  connection: S3Connection,
  options: {
    readonly request: (place: Place) => S3Request
    readonly root: string
    readonly start: Place
    readonly next: (page: S3Xml) => Place
    readonly rows: (page: S3Xml) => Effect.Effect<ReadonlyArray<A>, Unexpected>
  }
): Stream.Stream<A, S3Error> =>
  Stream.paginate({ place: options.start, count: 1 }, ({ count, place }) =>
    send(
      connection,
      options.request(place),
      Effect.fnUntraced(function* (incoming, meaning) {
        const [page] = yield* answers.document(options.root)(incoming, meaning)
        const rows = yield* options.rows(page)
        if (!Option.contains(page.text("IsTruncated"), "true")) return [rows, Option.none<At>()] as const
        const next = options.next(page)
        const isStuck =
          Object.values(next).join("") === "" ||
          JSON.stringify(next) === JSON.stringify(place) ||
          count === connection.limits.listPages
        return isStuck
          ? yield* unexpected("unexpected answer: a list that does not go on")
          : ([rows, Option.some<At>({ place: next, count: count + 1 })] as const)
      })
    )
  )

type Unexpected = ReturnType<typeof unexpected>

/** The objects whose keys begin with a text, in the order of their keys. */
export const listObjects = (
  connection: S3Connection,
  prefix: string,
  startAfter?: string
): Stream.Stream<Listed, S3Error> =>
  pages(connection, {
    root: "ListBucketResult",
    start: startAfter === undefined ? {} : { "start-after": fullKey(connection.location, startAfter) },
    request: (place) => ({
      action: "ListObjectsV2",
      permissions: "s3:ListBucket",
      method: "GET",
      query: { "list-type": "2", "encoding-type": "url", prefix: prefixOf(connection, prefix), ...place }
    }),
    next: (page) => ({ "continuation-token": textOf(page, "NextContinuationToken") }),
    rows: (page) =>
      Effect.forEach(page.all("Contents"), (row) =>
        Effect.gen(function* () {
          const size = textOf(row, "Size")
          const lastModified = Date.parse(textOf(row, "LastModified"))
          if (!/^\d+$/.test(size) || Number.isNaN(lastModified)) {
            return yield* unexpected("unexpected answer: a list without sizes or times")
          }
          const key = yield* keyOf(connection, page, row, prefix)
          return { key, size: Number(size), etag: answers.unquoted(textOf(row, "ETag")), lastModified }
        })
      )
  })

/** The uploads in parts whose keys begin with a text. */
export const listUploads = (connection: S3Connection, prefix: string): Stream.Stream<UnfinishedUpload, S3Error> =>
  pages(connection, {
    root: "ListMultipartUploadsResult",
    start: {},
    request: (place) => ({
      action: "ListMultipartUploads",
      permissions: "s3:ListBucketMultipartUploads",
      method: "GET",
      // Encoded, the keys of Ceph RGW 16 could not be told from others.
      query: { uploads: "", prefix: prefixOf(connection, prefix), ...place }
    }),
    next: (page) => ({
      "key-marker": textOf(page, "NextKeyMarker"),
      "upload-id-marker": textOf(page, "NextUploadIdMarker")
    }),
    rows: (page) =>
      Effect.forEach(page.all("Upload"), (row) =>
        Effect.gen(function* () {
          const uploadId = textOf(row, "UploadId")
          const initiated = Date.parse(textOf(row, "Initiated"))
          if (uploadId === "" || Number.isNaN(initiated))
            return yield* unexpected("unexpected answer: an upload without id or time")
          return { key: yield* keyOf(connection, page, row, prefix), uploadId, initiated }
        })
      )
  })

const prefixOf = ({ location }: S3Connection, prefix: string) => fullKey(location, prefix)

const textOf = (element: S3Xml, child: string): string => Option.getOrElse(element.text(child), () => "")

/** The key below the location; fails for one that was not asked for, which must not be read or removed. */
const keyOf = (connection: S3Connection, page: S3Xml, row: S3Xml, prefix: string) => {
  const key = decoded(page, textOf(row, "Key"))
  return key.startsWith(prefixOf(connection, prefix))
    ? Effect.succeed(key.slice(fullKey(connection.location, "").length))
    : Effect.fail(unexpected("unexpected answer: a list of other keys than were asked for"))
}

/** A key of a list, which is encoded if the list says so. */
const decoded = (page: S3Xml, key: string): string => {
  if (textOf(page, "EncodingType") !== "url") return key
  try {
    return decodeURIComponent(key.replaceAll("+", " "))
  } catch {
    return key
  }
}
