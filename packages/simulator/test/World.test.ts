/**
 * The list of sessions as data: what it holds, how it is paged, and how it changes.
 */
import { SessionPage } from "@hb-sessions/core/SessionPage"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { listOrders, makeWorld, type MutationKind, mutationKinds, servePage, type World } from "../src/World.ts"
import { sessionStatuses } from "../src/SessionGenerator.ts"
import type { Variants } from "../src/Variants.ts"

const everything = (world: World, status?: string) => world.slice(0, world.total(status), status)

const page = (...args: Parameters<typeof servePage>) => {
  const answer = servePage(...args)
  if (answer.status !== 200) throw new Error(`HTTP ${answer.status}`)
  return answer.body
}

/** The fields of the records of a list by name, with the number of records that lack or null each. */
const presence = (records: ReadonlyArray<Record<string, unknown>>, field: string) => ({
  absent: records.filter((record) => !(field in record)).length,
  null: records.filter((record) => record[field] === null).length,
  given: records.filter((record) => record[field] !== undefined && record[field] !== null).length
})

describe("the generated sessions", () => {
  it("are the same for the same seed, and others for another", () => {
    const first = everything(makeWorld({ seed: "a", sessions: 200 }))
    assert.deepStrictEqual(everything(makeWorld({ seed: "a", sessions: 200 })), first)
    const other = new Set(everything(makeWorld({ seed: "b", sessions: 200 })).map(({ id }) => id))
    assert.isTrue(first.every(({ id }) => !other.has(id)))
  })

  it("are what they were when the generator was written", () => {
    const [first] = makeWorld({ seed: "golden", sessions: 3 }).slice(0, 1)
    assert.deepStrictEqual({ id: first?.id, status: first?.status, createdAt: first?.createdAt }, GOLDEN)
  })

  it("have ids and teams in the form of UUIDs, no id twice, several teams", () => {
    const records = everything(makeWorld({ sessions: 5000 }))
    const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
    assert.strictEqual(new Set(records.map(({ id }) => id)).size, 5000)
    for (const { id, teamId } of records) {
      assert.match(id, uuid)
      assert.match(teamId ?? "", uuid)
    }
    assert.strictEqual(new Set(records.map(({ teamId }) => teamId)).size, 4)
  })

  it("hold every status of the contract, and close-error only when asked for", () => {
    const counts = (world: World) => sessionStatuses.map((status) => world.total(status))
    const usual = counts(makeWorld())
    assert.isTrue(usual.slice(0, 3).every((count) => count > 0))
    assert.strictEqual(usual[3], 0)
    assert.isAbove(makeWorld({ closeErrorShare: 0.2 }).total("close-error"), 100)
  })

  it("lie over months, each with times that follow from one another", () => {
    const epoch = Date.UTC(2026, 0, 1)
    const records = everything(makeWorld({ sessions: 3000 }))
    const created = records.map(({ createdAt }) => Date.parse(String(createdAt)))
    assert.isAbove(Math.max(...created) - Math.min(...created), 80 * 86_400_000)
    for (const { createdAt, creditsUsed, endTime, startTime, status, updatedAt } of records) {
      const times = [Date.parse(String(createdAt)), Number(startTime ?? 0), Number(endTime ?? 0)]
      assert.isAtMost(Math.max(...times, Date.parse(String(updatedAt))), epoch)
      if (typeof startTime === "string") assert.isAtLeast(Number(startTime), times[0]!)
      if (typeof endTime === "string") assert.isAtLeast(Number(endTime) - Number(startTime), 0)
      if (typeof endTime === "string") assert.isAtMost(Number(endTime) - Number(startTime), 12 * 3_600_000)
      if (status === "active") assert.isNull(endTime ?? null)
      if (status === "closed") assert.isString(endTime)
      if (typeof creditsUsed === "number") assert.isAtLeast(creditsUsed, 0)
    }
  })

  it("have nulls and absences, and every launch option true, false and absent", () => {
    const records = everything(makeWorld({ sessions: 5000 }))
    for (const field of ["endTime", "launchState", "creditsUsed"]) {
      const { absent, given, null: nulls } = presence(records, field)
      assert.isTrue(absent > 0 && nulls > 0 && given > 0, field)
    }
    assert.isAbove(presence(records, "startTime").null, 0)
    const states = records.flatMap(({ launchState }) => (launchState ? [launchState as Record<string, unknown>] : []))
    for (const option of LAUNCH_OPTIONS) {
      const values = new Set<unknown>(states.map((state) => JSON.stringify(state[option])))
      assert.isTrue(values.has(undefined), option)
      assert.isAtLeast(values.size, option === "solverType" ? 2 : 3, option)
    }
  })
})

const GOLDEN = {
  id: "285099ce-8787-429c-b91e-c9b50f217796",
  status: "closed",
  createdAt: "2025-12-31T17:16:07.549Z"
}

const LAUNCH_OPTIONS = (
  "useUltraStealth useStealth useProxy solveCaptchas solverType adblock trackers annoyances screen enableWebRecording " +
  "enableVideoWebRecording enableLogCapture acceptCookies profile staticIpId saveDownloads enableWindowManager " +
  "enableWindowManagerTaskbar viewOnlyLiveView disablePasswordManager enableAlwaysOpenPdfExternally " +
  "disablePostQuantumKeyAgreement"
).split(" ")

describe("a quiet list", () => {
  for (const order of listOrders) {
    it(`is covered by its pages, every session once: ${order}`, () => {
      const world = makeWorld({ sessions: 237, order })
      const pages = Array.from({ length: 24 }, (_, index) => page(world, { page: index + 1 }))
      const records = pages.flatMap(({ sessions }) => sessions)
      assert.deepStrictEqual(
        records.map(({ id }) => id),
        world.ids()
      )
      assert.strictEqual(new Set(world.ids()).size, 237)
      for (const { totalCount } of pages) assert.strictEqual(totalCount, 237)
      const key = order === "updated-desc" ? "updatedAt" : "createdAt"
      const sign = order === "created-asc" ? 1 : -1
      const times = records.map((record) => Date.parse(String(record[key])))
      assert.isTrue(times.every((time, index) => index === 0 || sign * (time - times[index - 1]!) >= 0))
    })
  }

  it("is filtered by status: pages, totals and order are those of the matching sessions", () => {
    const world = makeWorld({ sessions: 500, closeErrorShare: 0.1 })
    for (const status of sessionStatuses) {
      const expected = everything(world).filter((record) => record.status === status)
      assert.strictEqual(world.total(status), expected.length)
      assert.deepStrictEqual(everything(world, status), expected)
      assert.deepStrictEqual(page(world, { status, page: 2, limit: 3 }).sessions, expected.slice(3, 6))
    }
    assert.strictEqual(world.total("unheard-of"), 0)
    assert.deepStrictEqual(everything(world, "unheard-of"), [])
  })

  it("can be empty", () => {
    const world = makeWorld({ sessions: 0 })
    assert.deepStrictEqual(page(world), { sessions: [], totalCount: 0, page: 1, pageSize: 10 })
    for (const kind of ["end", "purge", "update"] as const) assert.isUndefined(world.mutate(kind))
    assert.isString(world.mutate("start"))
    assert.strictEqual(world.total(), 1)
  })

  it("can hold a million sessions, and be read anywhere", () => {
    const world = makeWorld({ sessions: 1_000_000 })
    const statuses = sessionStatuses.map((status) => world.total(status))
    assert.strictEqual(
      statuses.reduce((sum, count) => sum + count, 0),
      1_000_000
    )
    assert.lengthOf(page(world, { page: 50_000, limit: 10 }).sessions, 10)
    assert.lengthOf(page(world, { page: 100_000 }).sessions, 10)
    assert.lengthOf(page(world, { page: 100_001 }).sessions, 0)
    for (const { status } of page(world, { page: 300, status: "error" }).sessions) assert.strictEqual(status, "error")
  })
})

/** The list as an array, changed by the book. */
const model = (world: World) => {
  const { order } = world
  const born = [...world.ids()]
  const all = everything(world)
  const ages = all.map(({ createdAt, id }) => ({ id, age: Date.parse(String(createdAt)) }))
  const oldestFirst = ages.toSorted((a, b) => a.age - b.age).map(({ id }) => id)
  const statuses = new Map(all.map(({ id, status }) => [id, status]))
  let ids: ReadonlyArray<string> = born
  const without = (id: string) => ids.filter((other) => other !== id)
  const atHead = (id: string) => (order === "created-asc" ? [...without(id), id] : [id, ...without(id)])
  return {
    apply: (kind: MutationKind, id: string, status: string | undefined) => {
      if (kind === "start") {
        ids = atHead(id)
        oldestFirst.push(id)
      }
      if ((kind === "end" || kind === "update") && order === "updated-desc") ids = atHead(id)
      if (kind === "purge") {
        assert.strictEqual(oldestFirst.shift(), id)
        ids = without(id)
        statuses.delete(id)
      } else {
        if (kind === "end") assert.strictEqual(statuses.get(id), "active")
        if (kind === "end") assert.notStrictEqual(status, "active")
        statuses.set(id, status)
      }
    },
    ids: (status?: string) => (status === undefined ? ids : ids.filter((id) => statuses.get(id) === status))
  }
}

describe("changes", () => {
  it.prop(
    "leave the list as an array changed by the book would be, in every order and under every filter",
    {
      sessions: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 40 })),
      order: Schema.Literals(listOrders),
      kinds: Schema.Array(Schema.Literals(mutationKinds)).check(Schema.isMaxLength(400))
    },
    ({ kinds, order, sessions }) => {
      const world = makeWorld({ sessions, order, activeShare: 0.4 })
      const expected = model(world)
      for (const kind of kinds) {
        const id = world.mutate(kind)
        if (id === undefined) continue
        expected.apply(kind, id, everything(world).find((record) => record.id === id)?.status)
      }
      for (const status of [undefined, ...sessionStatuses]) {
        assert.deepStrictEqual(world.ids(status), expected.ids(status))
        assert.strictEqual(world.total(status), expected.ids(status).length)
      }
    }
  )

  it("go on for longer than the first slots last", () => {
    const world = makeWorld({ sessions: 30, order: "updated-desc" })
    const expected = model(world)
    for (let i = 0; i < 2000; i++) {
      const id = world.mutate("update")!
      expected.apply("update", id, world.slice(0, 1)[0]?.status)
    }
    assert.deepStrictEqual(world.ids(), expected.ids())
    for (const status of sessionStatuses) assert.deepStrictEqual(world.ids(status), expected.ids(status))
  })

  it("are seen in the records", () => {
    const world = makeWorld({ sessions: 5, activeShare: 1 })
    const find = (id: string | undefined) => everything(world).find((record) => record.id === id)
    const started = find(world.mutate("start"))
    assert.strictEqual(started?.status, "active")
    assert.strictEqual(started?.updatedAt, new Date(world.now()).toISOString())
    const ended = find(world.mutate("end"))
    assert.notStrictEqual(ended?.status, "active")
    assert.strictEqual(ended?.endTime, String(world.now()))
    const updated = find(world.mutate("update"))
    assert.strictEqual(updated?.updatedAt, new Date(world.now()).toISOString())
    const purged = world.mutate("purge")
    assert.isUndefined(find(purged))
    assert.deepStrictEqual(world.mutations(), { start: 1, end: 1, purge: 1, update: 1 })
  })

  it("are the same for equal worlds that are changed in equal ways", () => {
    const run = () => {
      const world = makeWorld({ sessions: 100, seed: "twins" })
      const ids = Array.from({ length: 200 }, (_, index) => world.mutate(mutationKinds[index % 4]!))
      return { ids, records: everything(world) }
    }
    assert.deepStrictEqual(run(), run())
  })
})

describe("the variants of a page", () => {
  const world = makeWorld({ sessions: 25 })

  it("call the page size pageSize, perPage or nothing", () => {
    assert.include(page(world, {}), { pageSize: 10 })
    const perPage = page(world, {}, { pageSizeField: "perPage" })
    assert.strictEqual(perPage["perPage"], 10)
    assert.notProperty(perPage, "pageSize")
    const neither = page(world, {}, { pageSizeField: "none" })
    assert.notProperty(neither, "pageSize")
    assert.notProperty(neither, "perPage")
  })

  it("honour limit up to maxLimit, or ignore it", () => {
    assert.lengthOf(page(world, { limit: 7 }).sessions, 7)
    assert.include(page(world, { limit: 7 }), { pageSize: 7 })
    assert.lengthOf(page(world, { limit: 20 }, { maxLimit: 15 }).sessions, 15)
    assert.lengthOf(page(world, { limit: 7 }, { ignoreLimit: true }).sessions, 10)
    assert.lengthOf(page(world, {}, { pageSize: 4 }).sessions, 4)
  })

  it("write times as text or as numbers", () => {
    const ended = { status: "closed" }
    for (const { endTime, startTime } of page(world, ended).sessions) {
      assert.isString(startTime)
      assert.isString(endTime)
    }
    for (const { endTime, startTime } of page(world, ended, { timestamps: "number" }).sessions) {
      assert.isNumber(startTime)
      assert.isNumber(endTime)
    }
  })

  it("answer a page past the end with nothing, HTTP 400 or the last page", () => {
    assert.deepStrictEqual(page(world, { page: 4 }), { sessions: [], totalCount: 25, page: 4, pageSize: 10 })
    assert.deepStrictEqual(servePage(world, { page: 4 }, { pastEnd: "error" }), {
      status: 400,
      body: { message: "Invalid query parameter page: 4 is past the last page, 3" }
    })
    assert.deepStrictEqual(page(world, { page: 4 }, { pastEnd: "clamp" }), page(world, { page: 3 }))
    for (const pastEnd of ["error", "clamp"] as const) {
      assert.lengthOf(page(world, { page: 3 }, { pastEnd }).sessions, 5)
      assert.lengthOf(page(makeWorld({ sessions: 0 }), {}, { pastEnd }).sessions, 0)
    }
  })

  it("call the first page 0 where they are told to", () => {
    assert.deepStrictEqual(page(world, { page: 2 }, { firstPage: 0 }), { ...page(world, { page: 2 }), page: 1 })
  })

  it("read the total with, before or after the rows", () => {
    const read = (totalRead: Variants["totalRead"]) => {
      const small = makeWorld({ sessions: 5 })
      const newest = small.ids()[0]
      let runs = 0
      const { sessions, totalCount } = page(small, {}, { totalRead }, () => {
        runs++
        small.mutate("start")
      })
      assert.strictEqual(runs, 1)
      return { totalCount, rows: sessions.length, startsWithOld: sessions[0]?.id === newest }
    }
    assert.deepStrictEqual(read("atomic"), { totalCount: 6, rows: 6, startsWithOld: false })
    assert.deepStrictEqual(read("before"), { totalCount: 5, rows: 6, startsWithOld: false })
    assert.deepStrictEqual(read("after"), { totalCount: 6, rows: 5, startsWithOld: true })
  })

  it("add keys that the contract does not name, at every level", () => {
    const extended = page(world, {}, { extraFields: true })
    assert.property(extended, "hasMore")
    for (const session of extended.sessions) {
      assert.property(session, "sessionUrl")
      if (session.launchState) assert.property(session.launchState, "allowOut")
    }
    assert.notProperty(page(world).sessions[0], "sessionUrl")
  })

  const all: ReadonlyArray<Partial<Variants>> = (["pageSize", "perPage", "none"] as const).flatMap((pageSizeField) =>
    (["text", "number"] as const).flatMap((timestamps) =>
      [false, true].map((extraFields) => ({ pageSizeField, timestamps, extraFields }))
    )
  )
  for (const variants of all) {
    it.effect(`are all pages to core, and the contract's form again once encoded: ${Object.values(variants)}`, () =>
      Effect.gen(function* () {
        const many = makeWorld({ sessions: 300, closeErrorShare: 0.1 })
        const body = page(many, { limit: 100 }, variants)
        const decoded = yield* Schema.decodeUnknownEffect(SessionPage)(JSON.parse(JSON.stringify(body)))
        assert.strictEqual(decoded.pageSize, variants.pageSizeField === "none" ? undefined : 100)
        const encoded = yield* Schema.encodeEffect(SessionPage)(decoded)
        const { timestamps: _timestamps, ...rest } = variants
        const expected = page(many, { limit: 100 }, { ...rest, pageSizeField: "pageSize" })
        assert.deepStrictEqual(encoded.sessions, expected.sessions)
      })
    )
  }
})
