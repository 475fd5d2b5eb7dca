/**
 * The URLs of buckets and objects.
 */
import * as Option from "effect/Option"
import type { S3Location } from "./S3Location.ts"
import type { S3Settings } from "./S3Settings.ts"

/** The base URL of a bucket: its host, and a path without a slash at its end. */
export type S3Url = string

/**
 * Where a bucket is: in the path of a given endpoint, and in the name of AWS's host.
 *
 * A bucket with a dot is in the path there too, as certificates are for one level of names.
 */
export const bucketUrl = ({ bucket }: S3Location, { endpoint, region }: S3Settings): S3Url => {
  if (Option.isSome(endpoint)) return `${endpoint.value.origin}${endpoint.value.pathname.replace(/\/+$/, "")}/${bucket}`
  const host = `s3.${region}.${awsDomain(region)}`
  return /^[a-z0-9-]+$/.test(bucket) ? `https://${bucket}.${host}` : `https://${host}/${bucket}`
}

/** The domain of AWS's services in a region. */
export const awsDomain = (region: string): string => (region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com")

/** A text as it stands in a signed path or query: everything is encoded but the unreserved characters. */
export const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)

/** A key as it stands in a path. */
export const encodeKey = (key: string): string => key.split("/").map(encode).join("/")

/** The URL of a key of a bucket, or of the bucket itself. */
export const urlOf = (bucket: S3Url, key: string | undefined, query: Readonly<Record<string, string>>): string => {
  const search = Object.entries(query)
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .join("&")
  return `${bucket}/${key === undefined ? "" : encodeKey(key)}${search === "" ? "" : `?${search}`}`
}
