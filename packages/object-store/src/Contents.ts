/**
 * The buckets, the objects and the unfinished uploads of a store, in memory.
 */
import { createHash, randomBytes } from "node:crypto"

/** An object. */
export interface StoredObject {
  readonly body: Buffer
  /** Without quotes. */
  readonly etag: string
  /** In milliseconds; whole seconds. */
  readonly lastModified: number
  readonly contentType: string
  /** What the client noted, by the names of the headers, such as `x-amz-meta-sha256`. */
  readonly metadata: Metadata
}

/** What a client notes with an object. */
export type Metadata = Readonly<Record<string, string>>

/** A part of an upload. */
export interface StoredPart {
  readonly body: Buffer
  readonly etag: string
}

/** An upload in parts that was neither completed nor aborted. */
export interface StoredUpload {
  readonly key: string
  readonly uploadId: string
  readonly initiated: number
  readonly contentType: string
  readonly metadata: Metadata
  readonly parts: Map<number, StoredPart>
}

/** A bucket. */
export interface Bucket {
  readonly objects: Map<string, StoredObject>
  /** By id. */
  readonly uploads: Map<string, StoredUpload>
}

type About = Pick<StoredObject, "contentType" | "metadata">

const noted: About = { contentType: "binary/octet-stream", metadata: {} }

/** What a store holds, to be read and changed at once, without requests. */
export class Contents {
  readonly buckets = new Map<string, Bucket>()
  readonly #now: () => number

  /** `now` is the store's clock, in milliseconds. */
  constructor(now: () => number) {
    this.#now = now
  }

  addBucket(name: string): void {
    if (!this.buckets.has(name)) this.buckets.set(name, { objects: new Map(), uploads: new Map() })
  }

  /** The keys of a bucket, in the order of their bytes. */
  keys(bucket: string): ReadonlyArray<string> {
    return sortedKeys(this.#bucket(bucket).objects.keys())
  }

  object(bucket: string, key: string): StoredObject | undefined {
    return this.#bucket(bucket).objects.get(key)
  }

  /** The text of an object; undefined if it is absent. */
  text(bucket: string, key: string): string | undefined {
    return this.object(bucket, key)?.body.toString("utf8")
  }

  /** Writes an object as a client would, but unconditionally. */
  put(bucket: string, key: string, body: string | Uint8Array, about: Partial<About> = {}): StoredObject {
    const bytes = Buffer.from(body)
    return this.store(bucket, key, { ...noted, ...about, body: bytes, etag: md5(bytes).toString("hex") })
  }

  /** Writes an object with an ETag that was made before. */
  store(bucket: string, key: string, object: Omit<StoredObject, "lastModified">): StoredObject {
    const stored = { ...object, lastModified: Math.floor(this.#now() / 1000) * 1000 }
    this.#bucket(bucket).objects.set(key, stored)
    return stored
  }

  remove(bucket: string, key: string): void {
    this.#bucket(bucket).objects.delete(key)
  }

  uploads(bucket: string): ReadonlyArray<StoredUpload> {
    return [...this.#bucket(bucket).uploads.values()]
  }

  addUpload(bucket: string, key: string, about: Partial<About> = {}): StoredUpload {
    const uploadId = randomBytes(12).toString("base64url")
    const upload = { ...noted, ...about, key, uploadId, initiated: this.#now(), parts: new Map<number, StoredPart>() }
    this.#bucket(bucket).uploads.set(uploadId, upload)
    return upload
  }

  removeUpload(bucket: string, uploadId: string): void {
    this.#bucket(bucket).uploads.delete(uploadId)
  }

  #bucket(name: string): Bucket {
    const found = this.buckets.get(name)
    if (found === undefined) throw new RangeError(`there is no bucket ${name}`)
    return found
  }
}

/** Keys in the order of their bytes. */
export const sortedKeys = (keys: Iterable<string>): ReadonlyArray<string> =>
  [...keys]
    .map((key) => [key, Buffer.from(key)] as const)
    .toSorted(([, a], [, b]) => Buffer.compare(a, b))
    .map(([key]) => key)

export const md5 = (bytes: Uint8Array): Buffer => createHash("md5").update(bytes).digest()
