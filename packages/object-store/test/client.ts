/**
 * A client that only signs, so that each request is exactly what a test says.
 */
import { AwsClient, AwsV4Signer } from "aws4fetch"

/** What a client signs with; each store says it of itself. */
export interface Peer {
  readonly endpoint: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** An answer, with the code of a failure. */
export interface Reply {
  readonly status: number
  readonly code: string | undefined
  readonly headers: Headers
  readonly text: string
}

export type Send = (
  method: string,
  path: string,
  options?: { readonly headers?: Record<string, string>; readonly body?: string | Uint8Array; readonly date?: string }
) => Promise<Reply>

const sha256 = async (body: string | Uint8Array): Promise<string> => {
  const digest = await crypto.subtle.digest("SHA-256", Buffer.from(body))
  return Buffer.from(digest).toString("hex")
}

/** A client of a store. */
export const clientOf = (
  peer: Peer,
  options: { readonly region?: string; readonly sessionToken?: string } = {}
): Send => {
  const client = new AwsClient({ ...peer, service: "s3", region: "us-east-1", ...options })
  return async (method, path, { body, date, headers = {} } = {}) => {
    const request = await client.sign(peer.endpoint + path, {
      method,
      headers: { "x-amz-content-sha256": await sha256(body ?? ""), ...headers },
      ...(body === undefined ? {} : { body: Buffer.from(body) }),
      ...(date === undefined ? {} : { aws: { datetime: date } })
    })
    const response = await fetch(request)
    const text = await response.text()
    return { status: response.status, code: /<Code>(\w+)</.exec(text)?.[1], headers: response.headers, text }
  }
}

/** The headers of a signed `GET`. */
export const signedHeaders = async (peer: Peer, url: string): Promise<Record<string, string>> => {
  const signer = new AwsV4Signer({ ...peer, url, service: "s3", headers: { "x-amz-content-sha256": await sha256("") } })
  return Object.fromEntries((await signer.sign()).headers)
}

/** Of a document, the text of the elements with this name. */
export const texts = ({ text }: Reply, name: string): ReadonlyArray<string> =>
  [...text.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, "g"))].map((match) => match[1] ?? "")
