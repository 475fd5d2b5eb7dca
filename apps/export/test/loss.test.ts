/**
 * What an export may never lose, or replace, without saying so.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { createHash } from "node:crypto"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import {
  at,
  currentIds,
  currentOf,
  DAY,
  exportTo,
  HOUR,
  type List,
  type Row,
  row,
  serve,
  tombstonesOf
} from "./list.ts"
import { manifestOf, runHere as run, scratch } from "./support.ts"

const incremental = ["--mode", "incremental"]

const idsOf = (rows: ReadonlyArray<Row>) => rows.map(({ id }) => id).toSorted()

/** Closed sessions, one an hour, the newest first. */
const hourly = (count: number, now: number, name = "old") =>
  Array.from({ length: count }, (_, n) => row(`${name}-${n}`, now, (n + 0.5) * HOUR))

describe("the bookmark", () => {
  it.live("--until 2d, every night: nothing is lost when it moves on", () =>
    Effect.gen(function* () {
      const start = Date.now()
      const list: List = { rows: hourly(240, start) }
      const env = yield* serve(list)
      const out = yield* scratch
      for (let night = 0; night < 5; night++) {
        const now = start + night * DAY
        if (night > 0) list.rows = [...hourly(24, now, `night-${night}`), ...list.rows]
        list.date = new Date(now).toUTCString()
        const { code, stderr } = yield* exportTo(at(env, night * DAY), out, ...incremental, "--until", "2d")
        assert.strictEqual(code, 0, stderr)
        const expected = list.rows.filter(({ createdAt }) => Date.parse(createdAt ?? "") < now - 2 * DAY)
        assert.deepStrictEqual(currentIds(out), idsOf(expected), `night ${night}`)
        const { archive, scope } = manifestOf(out)
        assert.deepStrictEqual([scope, archive.completeness], [night === 0 ? "full" : "recent", "proven"])
      }
    }).pipe(Effect.scoped)
  )

  it.live("a session that the status leaves out takes no other along when it moves in", () =>
    Effect.gen(function* () {
      const now = Date.now()
      const running = row("running", now, 9 * DAY, "active")
      const list: List = { rows: [...hourly(100, now), running] }
      const env = yield* serve(list)
      const out = yield* scratch
      yield* exportTo(env, out, ...incremental, "--status", "closed")
      assert.notInclude(currentIds(out), "running")
      list.rows = [row("new", now, 0), ...hourly(100, now), { ...running, status: "closed" }]
      assert.strictEqual((yield* exportTo(env, out, ...incremental, "--status", "closed")).code, 0)
      assert.includeMembers([...currentIds(out)], ["running", "new"])
    }).pipe(Effect.scoped)
  )

  it.live("stays where it was after a read that proves nothing", () =>
    Effect.gen(function* () {
      const now = Date.now()
      const list: List = { rows: hourly(300, now) }
      const env = yield* serve(list)
      const out = yield* scratch
      yield* exportTo(env, out, ...incremental)
      const { finalBefore } = manifestOf(out).bookmark
      assert.isDefined(finalBefore)
      list.rows = [row("new", now, 0), ...list.rows]
      // Without a total nothing can be proven.
      list.answer = (page, response) => {
        response.end(JSON.stringify({ sessions: list.rows.slice((page - 1) * 10, page * 10), page }))
        return true
      }
      const { code, stderr } = yield* exportTo(env, out, ...incremental)
      assert.strictEqual(code, 0)
      assert.match(stderr, /WARN published, but completeness is unproven/)
      const { archive, bookmark, completeness } = manifestOf(out)
      assert.deepStrictEqual([completeness, archive.completeness], ["unproven", "unproven"])
      assert.strictEqual(bookmark.finalBefore, finalBefore)
      assert.include(currentIds(out), "new")
    }).pipe(Effect.scoped)
  )

  for (const [name, createdAt] of [
    ["three days ahead", new Date(Date.now() + 3 * DAY).toISOString()],
    ["in the year 57971", new Date((Date.now() + 0) * 1000).toISOString()],
    ["in 1970", "1970-01-01T00:00:00.000Z"]
  ] as const) {
    it.live(`a session created ${name} hides none that come after it`, () =>
      Effect.gen(function* () {
        const start = Date.now()
        const list: List = { rows: [] }
        const env = yield* serve(list)
        const out = yield* scratch
        const wrong: Row = { id: "wrong", status: "closed", createdAt }
        const honest = hourly(60, start)
        for (let night = 0; night < 4; night++) {
          const now = start + night * DAY
          honest.unshift(...hourly(12, now, `night-${night}`))
          // The server sorts by time.
          list.rows = [wrong, ...honest].toSorted(
            (a, b) => Date.parse(b.createdAt ?? "") - Date.parse(a.createdAt ?? "")
          )
          list.date = new Date(now).toUTCString()
          const { code, stderr } = yield* exportTo(at(env, night * DAY), out, ...incremental)
          assert.strictEqual(code, 0, stderr)
          assert.deepStrictEqual(currentIds(out), idsOf(list.rows), `night ${night}`)
          const { bookmark, implausibleTimes } = manifestOf(out)
          assert.isBelow(Date.parse(bookmark.finalBefore ?? ""), now + 1)
          if (night > 0) continue
          const isImpossible = name !== "three days ahead"
          assert.strictEqual(implausibleTimes, isImpossible ? 1 : 0)
          assert.strictEqual(stderr.includes("1 sessions have an implausible createdAt"), isImpossible)
        }
      }).pipe(Effect.scoped)
    )
  }

  it.live("our clock may be wrong: the server's is followed", () =>
    Effect.gen(function* () {
      const now = Date.now()
      const future = row("future", now, -20 * DAY)
      const list: List = { rows: [future, ...hourly(40, now)], date: new Date(now).toUTCString() }
      const env = at(yield* serve(list), 40 * DAY)
      const out = yield* scratch
      yield* exportTo(env, out, ...incremental)
      list.rows = [future, row("new", now, 0), ...hourly(40, now)]
      yield* exportTo(env, out, ...incremental)
      assert.include(currentIds(out), "new")
      assert.strictEqual(manifestOf(out).scope, "recent")
    }).pipe(Effect.scoped)
  )

  it.live("sessions that come in far behind it make the run read the whole list, as the total tells", () =>
    Effect.gen(function* () {
      const now = Date.now()
      const list: List = { rows: hourly(200, now) }
      const env = yield* serve(list)
      const out = yield* scratch
      // With a filter the index must know what was left out, too.
      const args = [...incremental, "--status", "closed"]
      yield* exportTo(env, out, ...args)
      const late = [row("late", now, 149.9 * HOUR), row("late and left out", now, 150 * HOUR, "error")]
      list.rows = [...list.rows.slice(0, 150), ...late, ...list.rows.slice(150)]
      const { stderr } = yield* exportTo(env, out, ...args)
      assert.include(currentIds(out), "late")
      assert.include(stderr, "the list has 202 sessions, and only 200 are known")
      const { scope, scopeReason } = manifestOf(out)
      assert.strictEqual(scope, "full")
      assert.include(scopeReason, "202 sessions")
      yield* exportTo(env, out, ...args)
      assert.strictEqual(manifestOf(out).scope, "recent")
    }).pipe(Effect.scoped)
  )

  it.live("a list that is shorter than the archive, as old sessions were purged, is read as cheaply as ever", () =>
    Effect.gen(function* () {
      const now = Date.now()
      const list: List = { rows: hourly(200, now) }
      const env = yield* serve(list)
      const out = yield* scratch
      yield* exportTo(env, out, ...incremental)
      list.rows = [row("new", now, 0), ...list.rows.slice(0, 150)]
      yield* exportTo(env, out, ...incremental)
      assert.strictEqual(manifestOf(out).scope, "recent")
      // What has left by then does not hide what comes in late.
      list.rows = [...list.rows.slice(0, 140), row("late", now, 140 * HOUR), ...list.rows.slice(140)]
      yield* exportTo(env, out, ...incremental)
      assert.include(currentIds(out), "late")
    }).pipe(Effect.scoped)
  )
})

describe("the account", () => {
  const teamed = (team: string | undefined, now: number, name: string) =>
    hourly(30, now, name).map((one) => (team === undefined ? one : { ...one, teamId: team }))

  for (const mode of ["incremental", "snapshot"]) {
    it.live(`another team's key is rejected by its first page; --full-refresh replaces the ${mode}`, () =>
      Effect.gen(function* () {
        const now = Date.now()
        const list: List = { rows: teamed("team-a", now, "a") }
        const env = yield* serve(list)
        const out = yield* scratch
        assert.strictEqual((yield* exportTo(env, out, "--mode", mode)).code, 0)
        list.rows = teamed("team-b", now, "b")
        list.requests = 0
        const other = { ...env, HYPERBROWSER_API_KEY: "another-key" }
        const { code, stderr } = yield* exportTo(other, out, "--mode", mode)
        assert.strictEqual(code, 2)
        assert.match(stderr, /team team-a, and the API returned sessions of team team-b/)
        assert.strictEqual(list.requests, 1)
        assert.isTrue(currentIds(out).every((id) => id.startsWith("a-")))
        // The same key, and all of a sudden another team.
        assert.strictEqual((yield* exportTo(env, out, "--mode", mode)).code, 2)
        assert.strictEqual((yield* exportTo(other, out, "--mode", mode, "--full-refresh")).code, 0)
        assert.isTrue(currentIds(out).every((id) => id.startsWith("b-")))
        assert.deepStrictEqual(manifestOf(out).account.teams, ["team-b"])
      }).pipe(Effect.scoped)
    )
  }

  it.live("a rotated key of the same team is taken, and said", () =>
    Effect.gen(function* () {
      const now = Date.now()
      const list: List = { rows: teamed("team-a", now, "a") }
      const env = yield* serve(list)
      const out = yield* scratch
      yield* exportTo(env, out, ...incremental)
      const rotated = { ...env, HYPERBROWSER_API_KEY: "rotated" }
      const first = yield* exportTo(rotated, out, ...incremental)
      assert.strictEqual(first.code, 0, first.stderr)
      assert.include(first.stderr, "WARN the API key differs from that of the last run")
      assert.notInclude((yield* exportTo(rotated, out, ...incremental)).stderr, "the API key differs")
    }).pipe(Effect.scoped)
  )

  it.live("without teams a new key needs --accept-account-change", () =>
    Effect.gen(function* () {
      const now = Date.now()
      const list: List = { rows: teamed(undefined, now, "a") }
      const env = yield* serve(list)
      const out = yield* scratch
      yield* exportTo(env, out, ...incremental)
      const other = { ...env, HYPERBROWSER_API_KEY: "another-key" }
      const { code, stderr } = yield* exportTo(other, out, ...incremental)
      assert.strictEqual(code, 2)
      assert.include(stderr, "--accept-account-change")
      assert.strictEqual((yield* exportTo(other, out, ...incremental, "--accept-account-change")).code, 0)
      assert.strictEqual((yield* exportTo(other, out, ...incremental)).code, 0)
    }).pipe(Effect.scoped)
  )

  it.live("the manifest tells nothing of the key, and no two directories have the same fingerprint", () =>
    Effect.gen(function* () {
      const list: List = { rows: hourly(3, Date.now()) }
      const env = { ...(yield* serve(list)), HYPERBROWSER_API_KEY: "hb-secret-key" }
      const [one, two] = [yield* scratch, yield* scratch]
      yield* exportTo(env, one)
      yield* exportTo(env, two)
      const text = readFileSync(join(one, "manifest.json"), "utf8")
      assert.notInclude(text, "hb-secret-key")
      for (const algorithm of ["md5", "sha1", "sha256", "sha512"]) {
        assert.notInclude(text, createHash(algorithm).update("hb-secret-key").digest("hex").slice(0, 8))
      }
      assert.notStrictEqual(manifestOf(one).account.key.digest, manifestOf(two).account.key.digest)
    }).pipe(Effect.scoped)
  )
})

describe("other settings than those of what is published", () => {
  it.live("an incremental archive is not replaced by a run without --mode, and every difference is named", () =>
    Effect.gen(function* () {
      const now = Date.now()
      const list: List = { rows: hourly(220, now) }
      const env = yield* serve(list)
      const out = yield* scratch
      yield* exportTo(env, out, ...incremental, "--status", "closed", "--since", "30d")
      const before = readFileSync(join(out, "manifest.json"), "utf8")
      list.rows = list.rows.slice(0, 70)
      const { code, stderr } = yield* exportTo(env, out, "--format", "ndjson", "--columns", "id,status")
      assert.strictEqual(code, 2)
      for (const told of [
        "--mode was incremental and is snapshot",
        "--status was closed and is all",
        "--since was 30d and is none",
        "--format was csv and is ndjson",
        "--columns was all and is id,status"
      ])
        assert.include(stderr, told)
      assert.notInclude(stderr, "--tz")
      assert.strictEqual(readFileSync(join(out, "manifest.json"), "utf8"), before)
      // The settings may be given up, but not the sessions with them.
      const refreshed = yield* exportTo(env, out, "--full-refresh")
      assert.strictEqual(refreshed.code, 5)
      assert.include(refreshed.stderr, "it would hold 70 sessions, and generation 1 holds 220")
      assert.strictEqual((yield* exportTo(env, out, "--full-refresh", "--allow-shrink")).code, 0)
      assert.lengthOf(currentIds(out), 70)
    }).pipe(Effect.scoped)
  )

  const changes: ReadonlyArray<readonly [args: ReadonlyArray<string>, code: number]> = [
    [["--mode", "incremental"], 2],
    [["--status", "closed"], 2],
    [["--compress", "gzip", "--partition", "day", "--tz", "Europe/Paris", "--since", "30d"], 0]
  ]
  for (const [args, expected] of changes) {
    it.live(`a snapshot, then ${args.join(" ")}: exit code ${expected}`, () =>
      Effect.gen(function* () {
        const env = yield* serve({ rows: hourly(40, Date.now()) })
        const out = yield* scratch
        yield* exportTo(env, out)
        assert.strictEqual((yield* exportTo(env, out, ...args)).code, expected)
        assert.strictEqual((yield* exportTo(env, out, ...args, "--full-refresh")).code, 0)
      }).pipe(Effect.scoped)
    )
  }

  it.live("a time zone may change where nothing is divided by days", () =>
    Effect.gen(function* () {
      const env = yield* serve({ rows: hourly(5, Date.now()) })
      const out = yield* scratch
      yield* exportTo(env, out, ...incremental)
      assert.strictEqual((yield* exportTo(env, out, ...incremental, "--tz", "Europe/Paris")).code, 0)
    }).pipe(Effect.scoped)
  )
})

describe("a list that shrank", () => {
  const glitches: ReadonlyArray<readonly [name: string, glitch: (rows: ReadonlyArray<Row>) => Partial<List>]> = [
    ["empty pages, and a total as before", (rows) => ({ rows: [], total: rows.length })],
    ["an empty list", () => ({ rows: [] })],
    ["40 of 200", (rows) => ({ rows: rows.slice(0, 40) })]
  ]
  for (const mode of ["snapshot", "incremental"]) {
    for (const [name, glitch] of glitches) {
      it.live(`${mode}, ${name}: nothing is published, with exit code 5`, () =>
        Effect.gen(function* () {
          const rows = hourly(200, Date.now())
          const list: List = { rows }
          const env = yield* serve(list)
          const out = yield* scratch
          // An incremental run reads the whole list every time here.
          const args = ["--mode", mode, "--full-every", "0 seconds"]
          yield* exportTo(env, out, ...args)
          const before = readFileSync(join(out, "manifest.json"), "utf8")
          Object.assign(list, glitch(rows))
          const { code, stderr } = yield* exportTo(env, out, ...args)
          // An incremental archive keeps what it has as long as nothing proves that it is gone.
          if (mode === "incremental" && manifestOf(out).completeness === "unproven") {
            assert.strictEqual(code, 0)
            assert.deepStrictEqual(currentIds(out), idsOf(rows))
            return
          }
          assert.strictEqual(code, 5)
          assert.match(stderr, /the export shrank|nothing is published/)
          assert.strictEqual(readFileSync(join(out, "manifest.json"), "utf8"), before)
          Object.assign(list, { rows, total: undefined })
          assert.strictEqual((yield* exportTo(env, out, ...args)).code, 0)
        }).pipe(Effect.scoped)
      )
    }
  }

  it.live("is published with --min-share or --allow-shrink; the previous generation stays on the disk", () =>
    Effect.gen(function* () {
      const list: List = { rows: hourly(100, Date.now()) }
      const env = yield* serve(list)
      const out = yield* scratch
      yield* exportTo(env, out)
      list.rows = list.rows.slice(0, 20)
      assert.strictEqual((yield* exportTo(env, out, "--min-share", "20.1")).code, 5)
      assert.strictEqual((yield* exportTo(env, out, "--min-share", "20%")).code, 0)
      assert.isTrue(existsSync(join(out, "generations", "00000001", "sessions.csv")))
      list.rows = []
      assert.strictEqual((yield* exportTo(env, out, "--min-share", "0")).code, 5)
      assert.strictEqual((yield* exportTo(env, out, "--allow-shrink")).code, 0)
      assert.strictEqual((yield* exportTo(env, out, "--min-share", "101")).code, 2)
    }).pipe(Effect.scoped)
  )

  it.live("an interrupted read whose list is empty when it is resumed is not published, not even as the first", () =>
    Effect.gen(function* () {
      const list: List = { rows: hourly(200, Date.now()) }
      const env = yield* serve(list)
      const out = yield* scratch
      list.answer = (page, response) => page > 15 && response.writeHead(500).end() === response
      assert.strictEqual((yield* exportTo(env, out, "--checkpoint-every", "0 millis")).code, 4)
      list.answer = undefined
      const { rows } = list
      list.rows = []
      const { code, stderr } = yield* exportTo(env, out)
      assert.strictEqual(code, 5, stderr)
      assert.isFalse(existsSync(join(out, "manifest.json")))
      list.rows = rows
      assert.strictEqual((yield* exportTo(env, out)).code, 0)
      assert.deepStrictEqual(currentIds(out), idsOf(rows))
    }).pipe(Effect.scoped)
  )

  it.live("without a known length of the list, the numbers of filtered sessions are compared", () =>
    Effect.gen(function* () {
      const now = Date.now()
      const old = hourly(20, now - 90 * DAY, "ancient")
      const list: List = { rows: [...hourly(50, now), ...old] }
      list.answer = (page, response) =>
        response.end(JSON.stringify({ sessions: list.rows.slice((page - 1) * 10, page * 10), page })) === response
      const env = yield* serve(list)
      const out = yield* scratch
      yield* exportTo(env, out, "--since", "30d")
      assert.lengthOf(currentIds(out), 50)
      list.rows = [...list.rows.slice(0, 5), ...old]
      const { code, stderr } = yield* exportTo(env, out, "--since", "30d")
      assert.strictEqual(code, 5)
      assert.include(stderr, "it would hold 5 sessions, and generation 1 holds 50")
    }).pipe(Effect.scoped)
  )

  it.live("the number of filtered sessions may change freely while the list does not shrink", () =>
    Effect.gen(function* () {
      const now = Date.now()
      const running = Array.from({ length: 10 }, (_, n) => row(`run-${n}`, now, n, "active"))
      const list: List = { rows: [...running, ...hourly(50, now)] }
      const env = yield* serve(list)
      const out = yield* scratch
      const args = ["--status", "active"]
      yield* exportTo(env, out, ...args)
      list.rows = list.rows.map((one) => ({ ...one, status: "closed" }))
      assert.strictEqual((yield* exportTo(env, out, ...args)).code, 0)
      assert.lengthOf(currentIds(out), 0)
      list.rows = list.rows.slice(0, 5)
      assert.strictEqual((yield* exportTo(env, out, ...args)).code, 5)
    }).pipe(Effect.scoped)
  )
})

describe("sessions that leave", () => {
  it.live("--status active: a session that ended leaves the data with a tombstone", () =>
    Effect.gen(function* () {
      const now = Date.now()
      const running = Array.from({ length: 20 }, (_, n) => row(`run-${n}`, now, n * HOUR, "active"))
      const list: List = { rows: [...running, ...hourly(30, now - DAY)] }
      const env = yield* serve(list)
      const out = yield* scratch
      const args = [...incremental, "--status", "active"]
      yield* exportTo(env, out, ...args)
      list.rows = list.rows.map((one, n) => (n % 3 === 0 ? { ...one, status: "closed" } : one))
      yield* exportTo(env, out, ...args)
      assert.deepStrictEqual(currentIds(out), idsOf(list.rows.filter(({ status }) => status === "active")))
      const told = tombstonesOf(out)
      assert.deepStrictEqual(told.map(({ id }) => id).toSorted(), idsOf(running.filter((_, n) => n % 3 === 0)))
      assert.isTrue(told.every(({ left }) => left === "selection"))
      assert.strictEqual(told[0]?.left_at, manifestOf(out).ended)
      assert.strictEqual(manifestOf(out).current, currentIds(out).length)
      // A generation of tombstones alone outlives --keep.
      for (const _ of [1, 2, 3]) yield* exportTo(env, out, ...args)
      assert.lengthOf(tombstonesOf(out), told.length)
      // Each is told once, and one that comes back is there again.
      list.rows = list.rows.map((one) => (one.id === "run-0" ? { ...one, status: "active" } : one))
      yield* exportTo(env, out, ...args)
      assert.lengthOf(tombstonesOf(out), told.length)
      assert.include(currentIds(out), "run-0")
    }).pipe(Effect.scoped)
  )

  for (const format of ["csv", "ndjson"]) {
    it.live(`a purged session is recognised by a proven whole read: ${format}`, () =>
      Effect.gen(function* () {
        const now = Date.now()
        // Ids that a careless reader of the files would take for something else.
        const odd = ['a "quoted" id', "with, comma", "with\nline", "=1+1"].map((id, n) => row(id, now, (90 + n) * HOUR))
        const list: List = { rows: [...hourly(80, now), ...odd] }
        const env = yield* serve(list)
        const out = yield* scratch
        const form = format === "csv" ? ["--columns", "status,id,createdAt", "--dialect", "spreadsheet"] : []
        const args = [...incremental, "--format", format, "--compress", "gzip", ...form]
        yield* exportTo(env, out, ...args)
        list.rows = list.rows.slice(0, 70)
        yield* exportTo(env, out, ...args)
        assert.lengthOf(manifestOf(out).tombstones, 0)
        assert.strictEqual(manifestOf(out).current, 84)
        yield* exportTo(env, out, ...args, "--full-every", "0 seconds")
        const told = tombstonesOf(out)
        assert.deepStrictEqual(
          told.map(({ id }) => (format === "csv" ? id.replace(/^'/, "") : id)).toSorted(),
          [...odd.map(({ id }) => id), ...Array.from({ length: 10 }, (_, n) => `old-${70 + n}`)].toSorted()
        )
        assert.isTrue(told.every(({ left }) => left === "list"))
        assert.strictEqual(manifestOf(out).current, 70)
        assert.strictEqual(manifestOf(out).bookmark.index?.sessions, 70)
      }).pipe(Effect.scoped)
    )
  }

  it.live("a session with an unreadable row has not left; such rows cost no whole read every night", () =>
    Effect.gen(function* () {
      const now = Date.now()
      const list: List = { rows: hourly(200, now) }
      const env = yield* serve(list)
      const out = yield* scratch
      const args = [...incremental, "--max-quarantine", "5"]
      yield* exportTo(env, out, ...args)
      list.rows = list.rows.map((one) => (one.id === "old-190" ? { ...one, id: "" } : one)).slice(0, 198)
      const { code, stderr } = yield* exportTo(env, out, ...args, "--full-every", "0 seconds")
      assert.strictEqual(code, 0, stderr)
      assert.deepStrictEqual([manifestOf(out).scope, manifestOf(out).completeness], ["full", "proven"])
      assert.lengthOf(tombstonesOf(out), 0)
      assert.include(currentIds(out), "old-190")
      list.rows = [
        ...list.rows,
        row("late", now, 300 * HOUR),
        row("later", now, 301 * HOUR),
        row("last", now, 302 * HOUR)
      ]
      yield* exportTo(env, out, ...args)
      assert.strictEqual(manifestOf(out).scope, "full")
      assert.include(currentIds(out), "last")
      for (const name of ["one", "two"]) {
        list.rows = [row(name, now, 0), ...list.rows]
        yield* exportTo(env, out, ...args)
        assert.strictEqual(manifestOf(out).scope, "recent", manifestOf(out).scopeReason)
      }
    }).pipe(Effect.scoped)
  )

  it.live("a session that --since has moved past stays, and is updated until it ends", () =>
    Effect.gen(function* () {
      const start = Date.now()
      const list: List = { rows: [...hourly(20, start), row("long", start, 6 * DAY, "active")] }
      const env = yield* serve(list)
      const out = yield* scratch
      const args = [...incremental, "--since", "7d"]
      yield* exportTo(env, out, ...args)
      list.rows = [row("new", start + 3 * DAY, 0), ...list.rows.map((one) => ({ ...one, status: "closed" }))]
      list.date = new Date(start + 3 * DAY).toUTCString()
      yield* exportTo(at(env, 3 * DAY), out, ...args)
      assert.strictEqual(currentOf(out).get("long")?.["status"], "closed")
      assert.include(currentIds(out), "new")
    }).pipe(Effect.scoped)
  )

  it.live("--columns without id is rejected with --mode incremental", () =>
    Effect.gen(function* () {
      const { code, stderr } = yield* exportTo(
        { HYPERBROWSER_API_KEY: "key" },
        join(yield* scratch, "out"),
        ...incremental,
        "--columns",
        "status"
      )
      assert.strictEqual(code, 2)
      assert.include(stderr, "needs the column id")
    }).pipe(Effect.scoped)
  )
})

describe("what is proven", () => {
  it.live("of this read, and of the whole data since its last whole read", () =>
    Effect.gen(function* () {
      const start = Date.now()
      const list: List = { rows: hourly(100, start) }
      const env = yield* serve(list)
      const out = yield* scratch
      yield* exportTo(env, out, ...incremental)
      const first = manifestOf(out)
      for (const night of [1, 2, 6, 7]) {
        list.rows = [row(`night-${night}`, start + night * DAY, HOUR), ...list.rows]
        list.date = new Date(start + night * DAY).toUTCString()
        const metrics = join(out, "..", `${out.split("/").at(-1)}.prom`)
        yield* exportTo(at(env, night * DAY), out, ...incremental, "--metrics-file", metrics)
        const { archive, completeness, ended, generation, report, scope, scopeReason } = manifestOf(out)
        assert.deepStrictEqual([completeness, archive.completeness], ["proven", "proven"])
        if (night < 7) {
          assert.deepStrictEqual(
            [scope, report.completeness],
            ["recent", { ...report.completeness, certificate: "position" }]
          )
          assert.deepStrictEqual(archive.wholeRead, first.archive.wholeRead)
        } else {
          assert.include(scopeReason, "--full-every")
          assert.strictEqual(scope, "full")
          assert.deepInclude(archive.wholeRead, { generation, ended })
        }
        const text = readFileSync(metrics, "utf8")
        assert.include(text, `hb_sessions_export_archive_proven{export="${out}"} 1\n`)
        assert.include(
          text,
          `hb_sessions_export_last_whole_read_timestamp_seconds{export="${out}"} ${Date.parse(archive.wholeRead.ended) / 1000}\n`
        )
      }
      const never = yield* exportTo(at(env, 60 * DAY), out, ...incremental, "--full-every", "never")
      assert.strictEqual(never.code, 0, never.stderr)
      assert.strictEqual(manifestOf(out).scope, "recent")
    }).pipe(Effect.scoped)
  )

  it.live("inspect and the summary show it too", () =>
    Effect.gen(function* () {
      const env = yield* serve({ rows: hourly(30, Date.now()) })
      const out = yield* scratch
      yield* exportTo(env, out, ...incremental)
      const { stdout } = yield* exportTo(env, out, ...incremental)
      const { ended } = manifestOf(out).archive.wholeRead
      assert.include(stdout, `proven for what was read; the whole list was last read on ${ended}, proven`)
      const inspected = yield* run(env, "inspect", "--out", out, ...incremental)
      assert.include(inspected.stdout, `the whole list was last read on ${ended}, proven`)
    }).pipe(Effect.scoped)
  )

  it.live("a whole read that finds nothing new publishes no new data", () =>
    Effect.gen(function* () {
      const env = yield* serve({ rows: hourly(30, Date.now()) })
      const out = yield* scratch
      yield* exportTo(env, out, ...incremental)
      const { files } = manifestOf(out)
      yield* exportTo(env, out, ...incremental, "--full-every", "0 seconds")
      const after = manifestOf(out)
      assert.deepStrictEqual([after.generation, after.scope, after.files], [2, "full", files])
      assert.strictEqual(after.archive.wholeRead.generation, 2)
      assert.strictEqual((yield* run({}, "verify", "--out", out)).code, 0)
    }).pipe(Effect.scoped)
  )
})
