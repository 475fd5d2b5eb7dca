/**
 * The ways to print sessions, by name.
 */
import type { FormatName } from "../../settings/settings.ts"
import { csv, tsv } from "./csv.ts"
import type { MakeEncoder } from "./Encoder.ts"
import { json, ndjson } from "./json.ts"
import { table } from "./table.ts"
import { yaml } from "./yaml.ts"

export const formats: Record<FormatName, MakeEncoder> = { table, json, ndjson, csv, tsv, yaml }
