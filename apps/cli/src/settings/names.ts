/**
 * The values that flags, variables and profiles choose from.
 */

export const consistencies = ["verified", "fast"] as const

export const formatNames = ["table", "json", "ndjson", "csv", "tsv", "yaml"] as const

export type FormatName = (typeof formatNames)[number]
