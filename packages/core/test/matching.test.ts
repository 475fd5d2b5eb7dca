import { assert, it } from "@effect/vitest"
import { Schema } from "effect"
import { Session } from "../src/Session.ts"
import * as Sessions from "../src/Sessions.ts"

const of = (record: Readonly<Record<string, string>>) => Schema.decodeSync(Session)({ id: "a", ...record })

const closed = of({ status: "closed", createdAt: "2026-01-31T00:00:00.000Z" })
const active = of({ status: "active", createdAt: "2026-02-01T00:00:00.000Z" })
const bare = of({})
const all = [closed, active, bare]

it.each([
  ["everything without options", {}, all],
  ["everything for no status", { status: [] }, all],
  ["one status", { status: "closed" }, [closed]],
  ["several statuses", { status: ["closed", "active"] }, [closed, active]],
  ["what was created at since, or later", { since: "2026-02-01" }, [active]],
  ["what was created before until", { until: "2026-02-01" }, [closed]],
  ["what is within every bound", { status: ["closed"], since: "2026-01-01", until: "2026-01-15" }, []]
] as const)("matches %s", (_, options, expected) => {
  assert.deepStrictEqual(all.filter(Sessions.matching(options)), [...expected])
})
