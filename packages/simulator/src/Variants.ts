/**
 * How the simulated API behaves where the vendor's contract is silent or its SDKs differ from it.
 */
import type { SessionRecord } from "./SessionGenerator.ts"

/** The behaviour of the API; see `defaultVariants`. */
export interface Variants {
  /** Sessions a page when the query has no `limit`. */
  readonly pageSize: number
  /** Largest `limit` that is honoured; a larger one counts as this one. */
  readonly maxLimit: number
  /** Whether the query parameter `limit` has no effect. */
  readonly ignoreLimit: boolean
  /** The name of the page size in the answer; `none` leaves it out. */
  readonly pageSizeField: "pageSize" | "perPage" | "none"
  /** How `startTime` and `endTime` are written: decimal text, as in the contract, or numbers. */
  readonly timestamps: "text" | "number"
  /** A page past the last one: no rows, HTTP 400, or the last page once more under its own number. */
  readonly pastEnd: "empty" | "error" | "clamp"
  /** The number that answers give the first page: 1, as in the contract, or 0. It is asked for as page 1 either way. */
  readonly firstPage: number
  /**
   * When `totalCount` is read: at the moment of the rows, or with the churn of the request between the two, before or
   * after the rows.
   */
  readonly totalRead: "atomic" | "before" | "after"
  /** Whether pages, sessions and launch options carry keys that the contract does not name. */
  readonly extraFields: boolean
}

/** The contract as it stands. */
export const defaultVariants: Variants = {
  pageSize: 10,
  maxLimit: 100,
  ignoreLimit: false,
  pageSizeField: "pageSize",
  timestamps: "text",
  pastEnd: "empty",
  firstPage: 1,
  totalRead: "atomic",
  extraFields: false
}

/** Writes a record the way the variants ask for. */
export const varyRecord = (record: SessionRecord, variants: Variants): SessionRecord => {
  const extended = variants.extraFields ? { ...record, ...extraFields(record) } : record
  return variants.timestamps === "number" ? { ...extended, ...numericTimes(record) } : extended
}

const toNumber = (time: SessionRecord["startTime"]) => (typeof time === "string" ? Number(time) : time)

const numericTimes = ({ startTime, endTime }: SessionRecord) => ({
  ...(startTime === undefined ? {} : { startTime: toNumber(startTime) ?? null }),
  ...(endTime === undefined ? {} : { endTime: toNumber(endTime) ?? null })
})

/** Keys that the vendor's SDKs name, and one that none of them names. */
const extraFields = (record: SessionRecord) => {
  const { id, startTime, endTime, creditsUsed, launchState, status } = record
  const length = typeof startTime === "string" && typeof endTime === "string" ? Number(endTime) - Number(startTime) : 0
  const credits = creditsUsed ?? null
  return {
    sessionUrl: `https://app.hyperbrowser.ai/sessions/${id}`,
    duration: Math.round(length / 1000),
    creditBreakdown: { creditsUsed: credits, browserTimeCreditsUsed: credits, proxyDataCreditsUsed: 0 },
    proxyDataConsumed: `${(length / 60_000).toFixed(2)} MB`,
    closeReason: status === "active" ? null : "manual",
    notInAnySdk: { nested: [1, "two", null] },
    ...(launchState === undefined || launchState === null
      ? {}
      : { launchState: { ...launchState, allowInternetAccess: true, allowOut: ["example.com"] } })
  }
}
