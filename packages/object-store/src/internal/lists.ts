/**
 * Lists of objects and of uploads, a page at a time.
 */
import { sortedKeys } from "../Contents.ts"
import { invalidArgument } from "./Failure.ts"
import { type Handler, numberOf, quoted, xml } from "./Handler.ts"
import type { Incoming } from "./Incoming.ts"
import * as Xml from "./xml.ts"

/** As AWS encodes keys in lists: like forms, but slashes stay. */
const encoderOf = ({ query }: Incoming): ((key: string) => string) => {
  const encoding = query.get("encoding-type")
  if (encoding === undefined) return (key) => key
  if (encoding !== "url") throw invalidArgument("Invalid Encoding Method specified in Request")
  return (key) => encodeURIComponent(key).replaceAll("%20", "+").replaceAll("%2F", "/")
}

const compare = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

/** The key or, with a delimiter, what it has in common with its neighbours. */
const groupOf = (key: string, prefix: string, delimiter: string): string | undefined => {
  if (delimiter === "") return undefined
  const end = key.indexOf(delimiter, prefix.length)
  return end === -1 ? undefined : key.slice(0, end + delimiter.length)
}

export const listObjects: Handler = ({ bucket, incoming, rules }) => {
  const encode = encoderOf(incoming)
  const { query } = incoming
  const [prefix = "", delimiter = ""] = [query.get("prefix"), query.get("delimiter")]
  const token = query.get("continuation-token")
  const after = token === undefined ? query.get("start-after") : Buffer.from(token, "base64url").toString("utf8")
  const max = numberOf(incoming, "max-keys", rules.pageSize)
  const keys = sortedKeys(bucket.objects.keys()).filter(
    (key) => key.startsWith(prefix) && (after === undefined || compare(key, after) > 0) && !isInGroup(key, after)
  )
  function isInGroup(key: string, group: string | undefined) {
    return delimiter !== "" && group?.endsWith(delimiter) === true && key.startsWith(group)
  }
  const groups = [...new Set(keys.map((key) => groupOf(key, prefix, delimiter) ?? key))]
  const page = groups.slice(0, max)
  const isTruncated = groups.length > page.length && page.length > 0
  const isGroup = (entry: string) => delimiter !== "" && groupOf(entry, prefix, delimiter) === entry
  return xml(
    Xml.document("ListBucketResult", {
      Name: incoming.bucket,
      Prefix: encode(prefix),
      KeyCount: page.length,
      MaxKeys: max,
      IsTruncated: isTruncated,
      ...(query.has("encoding-type") ? { EncodingType: "url" } : {}),
      ...(isTruncated ? { NextContinuationToken: Buffer.from(page.at(-1) ?? "").toString("base64url") } : {}),
      Contents: page
        .filter((entry) => !isGroup(entry))
        .flatMap((key) => {
          const object = bucket.objects.get(key)
          if (object === undefined) return []
          return {
            Key: encode(key),
            LastModified: new Date(object.lastModified).toISOString(),
            ETag: quoted(object.etag),
            Size: object.body.length,
            StorageClass: "STANDARD"
          }
        }),
      CommonPrefixes: page.filter(isGroup).map((group) => ({ Prefix: encode(group) }))
    })
  )
}

export const listUploads: Handler = ({ bucket, incoming, rules }) => {
  const encode = encoderOf(incoming)
  const { query } = incoming
  const [prefix = "", keyMarker = "", idMarker = ""] = ["prefix", "key-marker", "upload-id-marker"].map((name) =>
    query.get(name)
  )
  const max = numberOf(incoming, "max-uploads", rules.pageSize)
  const uploads = [...bucket.uploads.values()]
    .filter(({ key }) => key.startsWith(prefix))
    .toSorted((a, b) => compare(a.key, b.key) || compare(a.uploadId, b.uploadId))
    .filter(({ key, uploadId }) => {
      if (keyMarker === "") return true
      const order = compare(key, keyMarker)
      return order > 0 || (order === 0 && idMarker !== "" && compare(uploadId, idMarker) > 0)
    })
  const page = uploads.slice(0, max)
  const last = page.at(-1)
  const isTruncated = uploads.length > page.length
  return xml(
    Xml.document("ListMultipartUploadsResult", {
      Bucket: incoming.bucket,
      Prefix: encode(prefix),
      MaxUploads: max,
      IsTruncated: isTruncated,
      ...(query.has("encoding-type") ? { EncodingType: "url" } : {}),
      ...(isTruncated && last !== undefined
        ? { NextKeyMarker: encode(last.key), NextUploadIdMarker: last.uploadId }
        : {}),
      Upload: page.map(({ initiated, key, uploadId }) => ({
        Key: encode(key),
        UploadId: uploadId,
        Initiated: new Date(initiated).toISOString(),
        StorageClass: "STANDARD"
      }))
    })
  )
}
