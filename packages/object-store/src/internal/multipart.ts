/**
 * Uploads in parts.
 */
import { md5, type StoredPart, type StoredUpload } from "../Contents.ts"
import { Failure, invalidArgument, malformedXml, noSuchUpload } from "./Failure.ts"
import { aboutOf, type Asked, checkWrite, type Handler, quoted, rangeOf, xml } from "./Handler.ts"
import { header } from "./Incoming.ts"
import { copySource } from "./objects.ts"
import * as Xml from "./xml.ts"

const MAX_PARTS = 10_000

export const createUpload: Handler = ({ contents, incoming }) => {
  const { bucket, key } = incoming
  const { uploadId } = contents.addUpload(bucket, key, aboutOf(incoming))
  return xml(Xml.document("InitiateMultipartUploadResult", { Bucket: bucket, Key: key, UploadId: uploadId }))
}

const uploadOf = ({ bucket, incoming }: Asked): StoredUpload => {
  const upload = bucket.uploads.get(incoming.query.get("uploadId") ?? "")
  if (upload === undefined || upload.key !== incoming.key) throw noSuchUpload()
  return upload
}

const partNumber = ({ incoming }: Asked): number => {
  const text = incoming.query.get("partNumber") ?? ""
  if (!/^\d{1,5}$/.test(text) || Number(text) < 1 || Number(text) > MAX_PARTS) {
    throw invalidArgument(`Part number must be an integer between 1 and ${MAX_PARTS}, inclusive`)
  }
  return Number(text)
}

const addPart = (upload: StoredUpload, number: number, body: Buffer): StoredPart => {
  const part = { body, etag: md5(body).toString("hex") }
  upload.parts.set(number, part)
  return part
}

export const uploadPart: Handler = (asked) => {
  const { etag } = addPart(uploadOf(asked), partNumber(asked), asked.incoming.body)
  return { status: 200, headers: { etag: quoted(etag) } }
}

export const uploadPartCopy: Handler = (asked) => {
  const upload = uploadOf(asked)
  const { object } = copySource(asked)
  const range = header(asked.incoming, "x-amz-copy-source-range")
  const bounds = range === undefined ? undefined : rangeOf(range, object.body.length)
  const body = bounds === undefined ? object.body : object.body.subarray(bounds[0], bounds[1] + 1)
  if (body.length > asked.rules.maxCopyBytes) throw invalidArgument("The copied part is too large")
  const { etag } = addPart(upload, partNumber(asked), body)
  return xml(
    Xml.document("CopyPartResult", { LastModified: new Date(object.lastModified).toISOString(), ETag: quoted(etag) })
  )
}

/** The parts that a client names, which have to be those that it sent, in order. */
const namedParts = ({ incoming, rules }: Asked, upload: StoredUpload): ReadonlyArray<StoredPart> => {
  const named = Xml.children(Xml.parse(incoming.body, "CompleteMultipartUpload"), "Part").map((part) => ({
    number: Number(Xml.text(part, "PartNumber")),
    etag: Xml.text(part, "ETag").replaceAll('"', "")
  }))
  if (named.length === 0) throw malformedXml()
  return named.map(({ etag, number }, index) => {
    const before = named[index - 1]
    if (before !== undefined && before.number >= number) {
      throw new Failure(400, "InvalidPartOrder", "The list of parts was not in ascending order.")
    }
    const part = upload.parts.get(number)
    if (part === undefined || part.etag !== etag) {
      throw new Failure(400, "InvalidPart", "One or more of the specified parts could not be found.")
    }
    if (index < named.length - 1 && part.body.length < rules.minPartBytes) {
      throw new Failure(400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed object size.")
    }
    return part
  })
}

export const completeUpload: Handler = (asked) => {
  const { contents, incoming, rules } = asked
  const upload = uploadOf(asked)
  const parts = namedParts(asked, upload)
  if (rules.completeConditions) checkWrite(asked)
  const digests = parts.map(({ etag }) => Buffer.from(etag, "hex"))
  const { etag } = contents.store(incoming.bucket, incoming.key, {
    body: Buffer.concat(parts.map(({ body }) => body)),
    etag: `${md5(Buffer.concat(digests)).toString("hex")}-${parts.length}`,
    contentType: upload.contentType,
    metadata: upload.metadata
  })
  contents.removeUpload(incoming.bucket, upload.uploadId)
  return xml(
    Xml.document("CompleteMultipartUploadResult", { Bucket: incoming.bucket, Key: incoming.key, ETag: quoted(etag) })
  )
}

export const abortUpload: Handler = (asked) => {
  asked.contents.removeUpload(asked.incoming.bucket, uploadOf(asked).uploadId)
  return { status: 204 }
}
