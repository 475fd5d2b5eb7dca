/**
 * The operations on one object, and the removal of many.
 */
import { md5 } from "../Contents.ts"
import { Failure, malformedXml, noSuchKey, notImplemented, preconditionFailed } from "./Failure.ts"
import {
  aboutOf,
  type Answer,
  type Asked,
  checkWrite,
  existing,
  type Handler,
  matches,
  quoted,
  rangeOf,
  xml
} from "./Handler.ts"
import { header } from "./Incoming.ts"
import * as Xml from "./xml.ts"

export const putObject: Handler = (asked) => {
  const { contents, incoming } = asked
  checkWrite(asked)
  const { etag } = contents.put(incoming.bucket, incoming.key, incoming.body, aboutOf(incoming))
  return { status: 200, headers: { etag: quoted(etag) } }
}

/** `GET` and `HEAD`. */
export const getObject: Handler = (asked) => {
  const { incoming } = asked
  const object = existing(asked)
  const ifMatch = header(incoming, "if-match")
  const ifNoneMatch = header(incoming, "if-none-match")
  if (ifMatch !== undefined && !matches(ifMatch, object)) throw preconditionFailed("If-Match")
  if (ifNoneMatch !== undefined && matches(ifNoneMatch, object)) return { status: 304 }
  const size = object.body.length
  const range = rangeOf(header(incoming, "range") ?? "", size)
  const body = range === undefined ? object.body : object.body.subarray(range[0], range[1] + 1)
  return {
    status: range === undefined ? 200 : 206,
    headers: {
      "accept-ranges": "bytes",
      "content-length": String(body.length),
      "content-type": object.contentType,
      etag: quoted(object.etag),
      ...object.metadata,
      "last-modified": new Date(object.lastModified).toUTCString(),
      ...(range === undefined ? {} : { "content-range": `bytes ${range[0]}-${range[1]}/${size}` })
    },
    body
  }
}

export const deleteObject: Handler = ({ contents, incoming }) => {
  contents.remove(incoming.bucket, incoming.key)
  return { status: 204 }
}

const MAX_KEYS = 1000

export const deleteObjects: Handler = ({ contents, incoming, rules }) => {
  if (!rules.deleteObjects) throw notImplemented("delete")
  if (header(incoming, "content-md5") === undefined && header(incoming, "x-amz-checksum-sha256") === undefined) {
    throw new Failure(400, "InvalidRequest", "Missing required header for this request: Content-MD5")
  }
  const keys = Xml.children(Xml.parse(incoming.body, "Delete"), "Object").map((object) => Xml.text(object, "Key"))
  if (keys.length === 0 || keys.length > MAX_KEYS) throw malformedXml()
  for (const key of keys) contents.remove(incoming.bucket, key)
  return xml(Xml.document("DeleteResult", {}))
}

/** The object that `x-amz-copy-source` names. */
export const copySource = ({ contents, incoming }: Asked) => {
  const source = decodeURIComponent(header(incoming, "x-amz-copy-source") ?? "").replace(/^\//, "")
  const [name = "", key = ""] = source.split(/\/(.*)/s)
  const bucket = contents.buckets.get(name)
  if (bucket === undefined) throw new Failure(404, "NoSuchBucket", "The specified bucket does not exist")
  const object = bucket.objects.get(key)
  if (object === undefined) throw noSuchKey(key)
  const ifMatch = header(incoming, "x-amz-copy-source-if-match")
  if (ifMatch !== undefined && !matches(ifMatch, object)) throw preconditionFailed("x-amz-copy-source-If-Match")
  return { bucket: name, key, object }
}

export const copyObject = (asked: Asked): Answer => {
  const { contents, incoming, rules } = asked
  const { bucket, key, object } = copySource(asked)
  if (object.body.length > rules.maxCopyBytes) {
    throw new Failure(400, "InvalidRequest", "The specified copy source is larger than the maximum allowable size")
  }
  if (bucket === incoming.bucket && key === incoming.key) {
    throw new Failure(400, "InvalidRequest", "This copy request is illegal because it copies an object to itself")
  }
  checkWrite(asked)
  // A copy is one whole, whatever the parts of its source were.
  const etag = md5(object.body).toString("hex")
  const copy = contents.store(incoming.bucket, incoming.key, { ...object, etag })
  return xml(
    Xml.document("CopyObjectResult", {
      LastModified: new Date(copy.lastModified).toISOString(),
      ETag: quoted(copy.etag)
    })
  )
}
