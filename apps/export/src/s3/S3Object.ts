/**
 * What is told to and by an object store about its objects.
 */

/** When a write is done: only if there is no object, or only if the object is the one of an ETag. */
export type Condition = { readonly ifNoneMatch: "*" } | { readonly ifMatch: string }

/** What a store says about an object. */
export interface ObjectInfo {
  /** Without quotes. */
  readonly etag: string
  /** In bytes. */
  readonly size: number
  /** When it was written by the store's clock, in milliseconds; whole seconds. */
  readonly lastModified: number
  /** The store's clock when it answered, in milliseconds; whole seconds. */
  readonly serverTime: number
  /** The SHA-256 that `upload` noted, in hexadecimal, which copies keep; absent for other objects. */
  readonly sha256?: string
}

/** A small object, whole. */
export interface SmallObject extends ObjectInfo {
  readonly body: Uint8Array
}

/** What a store says about a write. */
export interface Written {
  /** Without quotes. */
  readonly etag: string
  /** The store's clock when it answered, in milliseconds; whole seconds. */
  readonly serverTime: number
}

/** An object in a list. */
export interface Listed {
  /** Below the location's prefix. */
  readonly key: string
  readonly etag: string
  readonly size: number
  readonly lastModified: number
}

/** An upload in parts that was neither completed nor aborted. */
export interface UnfinishedUpload {
  /** Below the location's prefix. */
  readonly key: string
  readonly uploadId: string
  /** When it began by the store's clock, in milliseconds. */
  readonly initiated: number
}
