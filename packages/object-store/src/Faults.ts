/**
 * Which requests fail, and how.
 */

/**
 * The ways in which a request can fail.
 *
 * - `slow-down`: 503 `SlowDown`, without an effect.
 * - `internal-error`: 500 `InternalError`, without an effect.
 * - `conflict`: 409 `ConditionalRequestConflict`, without an effect.
 * - `cut`: the connection is cut, without an effect.
 * - `hang`: no answer and no effect, for as long as the client waits.
 * - `lost-answer`: what was asked for happens, and the connection is cut instead of the answer.
 * - `late-hang`: what was asked for happens, and there is no answer.
 * - `half-body`: what was asked for happens, and the connection is cut in the middle of the answer's body.
 */
export const faultKinds = [
  "slow-down",
  "internal-error",
  "conflict",
  "cut",
  "hang",
  "lost-answer",
  "late-hang",
  "half-body"
] as const
export type FaultKind = (typeof faultKinds)[number]

/** An answer that another server would give, without an effect. */
export interface OtherAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
}

/** What is known of a request. */
export interface RequestInfo {
  /** The number of the request since the start, from 1. */
  readonly number: number
  /** In S3's words, such as `PutObject`; empty for one that S3 does not have. */
  readonly operation: string
  readonly method: string
  readonly bucket: string
  readonly key: string
  readonly query: ReadonlyMap<string, string>
  /** Of `If-Match` or `If-None-Match`, with the name, as it was sent; undefined without one. */
  readonly condition: string | undefined
  readonly userAgent: string
  /** Of the body, in bytes. */
  readonly bytes: number
}

/** Some requests, and what happens to them. */
export interface FaultRule {
  readonly fault: FaultKind | OtherAnswer
  /** Only these requests; all by default. */
  readonly when?: (request: RequestInfo) => boolean
  /** Of those requests only the n-th, 1-based, or the n-th to the m-th; all by default. */
  readonly nth?: number | readonly [from: number, to: number]
}

/** Decides about one request after the other; the first rule that fits decides, and every rule counts. */
export const makeFaults = (
  rules: ReadonlyArray<FaultRule>
): ((request: RequestInfo) => FaultKind | OtherAnswer | undefined) => {
  const counted = rules.map((rule) => ({ rule, count: 0 }))
  return (request) => {
    let found: FaultKind | OtherAnswer | undefined
    for (const entry of counted) {
      if (entry.rule.when?.(request) === false) continue
      entry.count += 1
      const [from, to] = rangeOf(entry.rule.nth)
      if (from <= entry.count && entry.count <= to) found ??= entry.rule.fault
    }
    return found
  }
}

const rangeOf = (nth: FaultRule["nth"]): readonly [number, number] => {
  if (nth === undefined) return [1, Infinity]
  return typeof nth === "number" ? [nth, nth] : nth
}
