/**
 * Which operation of S3 a request is.
 */
import { Failure, notImplemented } from "./Failure.ts"
import { type Answer, type Asked, xml } from "./Handler.ts"
import { header, type Incoming } from "./Incoming.ts"
import { listObjects, listUploads } from "./lists.ts"
import { abortUpload, completeUpload, createUpload, uploadPart, uploadPartCopy } from "./multipart.ts"
import { copyObject, deleteObject, deleteObjects, getObject, putObject } from "./objects.ts"
import * as Xml from "./xml.ts"

/** An operation by S3's name. */
export interface Operation {
  readonly name: string
  /** The names that its query may hold. */
  readonly query: ReadonlyArray<string>
  readonly handle: (asked: Omit<Asked, "bucket">) => Answer
}

const LIST = ["prefix", "delimiter", "encoding-type", "max-keys", "start-after", "continuation-token", "fetch-owner"]

/** With the bucket, which has to exist. */
const inBucket =
  (handle: (asked: Asked) => Answer): Operation["handle"] =>
  (asked) => {
    const bucket = asked.contents.buckets.get(asked.incoming.bucket)
    if (bucket === undefined) {
      throw new Failure(404, "NoSuchBucket", "The specified bucket does not exist", {
        BucketName: asked.incoming.bucket
      })
    }
    if (Buffer.byteLength(asked.incoming.key) > 1024) {
      throw new Failure(400, "KeyTooLongError", "Your key is too long")
    }
    return handle({ ...asked, bucket })
  }

const operation = (name: string, query: ReadonlyArray<string>, handle: (asked: Asked) => Answer): Operation => ({
  name,
  query,
  handle: inBucket(handle)
})

const listBuckets: Operation = {
  name: "ListBuckets",
  query: [],
  handle: ({ contents }) =>
    xml(
      Xml.document("ListAllMyBucketsResult", {
        Owner: { ID: "owner" },
        Buckets: {
          Bucket: [...contents.buckets.keys()].map((name) => ({ Name: name, CreationDate: "2026-01-01T00:00:00.000Z" }))
        }
      })
    )
}

const createBucket: Operation = {
  name: "CreateBucket",
  query: [],
  handle: ({ contents, incoming }) => {
    contents.addBucket(incoming.bucket)
    return { status: 200, headers: { location: `/${incoming.bucket}` } }
  }
}

const headBucket = operation("HeadBucket", [], () => ({ status: 200 }))

const ofBucket = (incoming: Incoming): Operation | undefined => {
  const { method, query } = incoming
  if (incoming.bucket === "") return method === "GET" ? listBuckets : undefined
  switch (method) {
    case "PUT":
      return createBucket
    case "HEAD":
      return headBucket
    case "POST":
      return query.has("delete") ? operation("DeleteObjects", ["delete"], deleteObjects) : undefined
    case "GET":
      if (query.get("list-type") === "2") return operation("ListObjectsV2", ["list-type", ...LIST], listObjects)
      return query.has("uploads")
        ? operation(
            "ListMultipartUploads",
            ["uploads", "prefix", "encoding-type", "max-uploads", "key-marker", "upload-id-marker"],
            listUploads
          )
        : undefined
    default:
      return undefined
  }
}

const ofObject = (incoming: Incoming): Operation | undefined => {
  const { method, query } = incoming
  const isCopy = header(incoming, "x-amz-copy-source") !== undefined
  const part = ["partNumber", "uploadId"]
  switch (method) {
    case "GET":
      return operation("GetObject", [], getObject)
    case "HEAD":
      return operation("HeadObject", [], getObject)
    case "PUT":
      if (query.has("uploadId")) {
        return isCopy ? operation("UploadPartCopy", part, uploadPartCopy) : operation("UploadPart", part, uploadPart)
      }
      return isCopy ? operation("CopyObject", [], copyObject) : operation("PutObject", [], putObject)
    case "POST":
      if (query.has("uploads")) return operation("CreateMultipartUpload", ["uploads"], createUpload)
      return query.has("uploadId") ? operation("CompleteMultipartUpload", ["uploadId"], completeUpload) : undefined
    case "DELETE":
      return query.has("uploadId")
        ? operation("AbortMultipartUpload", ["uploadId"], abortUpload)
        : operation("DeleteObject", [], deleteObject)
    default:
      return undefined
  }
}

/** The operation; undefined for one that S3, or this part of it, does not have. */
export const operationOf = (incoming: Incoming): Operation | undefined =>
  incoming.key === "" ? ofBucket(incoming) : ofObject(incoming)

/** Runs the operation of a request. */
export const perform = (found: Operation | undefined, asked: Omit<Asked, "bucket">): Answer => {
  if (found === undefined) throw notImplemented(`${asked.incoming.method} ${[...asked.incoming.query.keys()].join()}`)
  // SDKs add the name of the operation.
  const unknown = [...asked.incoming.query.keys()].find((name) => name !== "x-id" && !found.query.includes(name))
  if (unknown !== undefined) throw notImplemented(unknown)
  return found.handle(asked)
}
