/**
 * Nights in worlds made at random: sessions with times that cannot be true, that come in late, change and are purged;
 * `--until` that moves, filters, wrong clocks, glitches, and interruptions. Each run is judged by what the list held.
 */
import { assert, describe, it } from "@effect/vitest"
import { makeRng } from "@hb-sessions/simulator/Rng"
import { Effect } from "effect"
import { at, currentOf, DAY, exportTo, HOUR, type List, type Row, serve } from "./list.ts"
import { isFull, tell } from "./strace.ts"
import { launch, manifestOf, runHere as run, scratch } from "./support.ts"

const seed = process.env["HB_SESSIONS_TEST_SEED"] ?? String(Date.now())

/** Each mode with and without --strict, so many times. */
const rounds = isFull ? 12 : 1
const NIGHTS = isFull ? 12 : 8

/** A session as the world knows it. */
interface Being {
  readonly id: string
  status: string
  /** Epoch milliseconds; undefined for none. */
  readonly createdAt: number | undefined
  /** When it came into the list. */
  readonly arrived: number
}

const dice = (text: string) => {
  const rng = makeRng(text)
  let index = 0
  const below = (bound: number) => rng.below(bound, index++, 1)
  return {
    below,
    chance: (probability: number) => rng.fraction(index++, 2) < probability,
    pick: <A>(some: readonly [A, ...ReadonlyArray<A>]): A => some[below(some.length)] ?? some[0]
  }
}

/** What a world is judged by in the end: how often each kind of night was met. */
const met = { nights: 0, proven: 0, recent: 0, interrupted: 0, glitches: 0, excused: 0 }

const play = Effect.fnUntraced(function* (name: string, mode: string, isStrict: boolean) {
  const { below, chance, pick } = dice(name)
  const statuses = pick(["", "", "active", "closed", "active,error"] as const)
  const since = pick([undefined, undefined, "5d", "30d"] as const)
  const until = pick([undefined, undefined, "2d", "6h"] as const)
  const hasDate = chance(0.8)
  const skew = hasDate ? pick([0, 0, 3 * DAY, -3 * DAY] as const) : 0
  const args = [
    ...["--mode", mode, "--checkpoint-every", "0 millis", "--compact-after", pick(["0", "2", "30"] as const)],
    ...(isStrict ? ["--strict"] : []),
    ...(statuses === "" ? [] : ["--status", statuses]),
    ...(since === undefined ? [] : ["--since", since]),
    ...(until === undefined ? [] : ["--until", until])
  ]
  const words = `${name}: ${args.join(" ")}, Date ${hasDate}, clock ${skew / DAY} days`
  const age = (text: string) => Number.parseInt(text) * (text.endsWith("d") ? DAY : HOUR)
  const bounds = (now: number) => ({
    since: since === undefined ? -Infinity : now + skew - age(since),
    until: until === undefined ? Infinity : now + skew - age(until)
  })

  let now = Date.now()
  let serial = 0
  let beings: ReadonlyArray<Being> = []
  const everKnown = new Map<string, Being>()
  const enter = (createdAt: number | undefined, status: string) => {
    const being = { id: `s-${serial++}`, status, createdAt, arrived: now }
    everKnown.set(being.id, being)
    // Newest first; those without a time come at the end.
    beings = [...beings, being].toSorted((a, b) => (b.createdAt ?? -Infinity) - (a.createdAt ?? -Infinity))
  }
  const end = (being: Being) => {
    being.status = pick(["closed", "closed", "error"] as const)
  }
  let lastPurge = -Infinity
  const liveOneDay = () => {
    for (let n = below(20); n > 0; n--) enter(now - below(DAY), pick(["active", "closed", "closed", "error"] as const))
    for (const being of beings) if (being.status === "active" && chance(0.4)) end(being)
    if (chance(0.4)) for (let n = below(3); n >= 0; n--) enter(now - 2 * HOUR - below(5 * DAY), "closed")
    if (chance(0.25)) enter(now + below(5 * DAY), pick(["active", "closed"] as const))
    if (chance(0.15)) enter(now * 1000, "closed")
    if (chance(0.15)) enter(pick([0, 86_400_000] as const), pick(["active", "closed"] as const))
    if (chance(0.15)) enter(undefined, pick(["active", "closed"] as const))
    if (chance(0.4)) {
      beings = beings.slice(0, beings.length - below(12))
      lastPurge = now
    }
  }

  const rowOf = ({ createdAt, id, status }: Being): Row => ({
    id,
    status,
    ...(createdAt === undefined ? {} : { createdAt: new Date(createdAt).toISOString() })
  })
  const list: List = { rows: [] }
  const show = () => {
    list.rows = beings.map(rowOf)
    list.date = hasDate ? new Date(now).toUTCString() : "none"
  }
  const env = { ...(yield* serve(list)), HB_SESSIONS_RETRIES: "1" }
  const out = yield* scratch
  const here = () => at(env, now - Date.now() + skew)

  /** What is wrong with what is published; `before` is the list when the run began. */
  const judge = (before: ReadonlyMap<string, string>, earlier: ReadonlyMap<string, string>, night: number) => {
    const { archive, completeness, current, generation, resumed, scope } = manifestOf(out)
    const found = currentOf(out)
    assert.strictEqual(found.size, current, `${words}, night ${night}`)
    met.nights++
    if (completeness !== "proven" || archive.completeness !== "proven") return
    met.proven++
    if (scope === "recent") met.recent++
    const isWhole = archive.wholeRead.generation === generation && (mode === "incremental" || since === undefined)
    const wholeAt = Date.parse(archive.wholeRead.started) - skew
    const window = bounds(now)
    const wanted = new Set(statuses === "" ? [] : statuses.split(","))
    const problems: Array<string> = []
    for (const being of beings) {
      const { arrived, createdAt, id, status } = being
      // Only what was there, and as it is, from the beginning of the run to its end; its interrupted parts are of it.
      if (before.get(id) !== status || (resumed > 0 && (earlier.get(id) ?? status) !== status)) continue
      const hasStatus = wanted.size === 0 || wanted.has(status)
      if (!hasStatus && found.has(id)) problems.push(`${id} is ${status} now, and still there`)
      const isAtEdge = [window.since, window.until].some((bound) => Math.abs((createdAt ?? 0) - bound) < HOUR)
      const isBounded = since !== undefined || until !== undefined
      const isInside =
        createdAt === undefined ? !isBounded : createdAt >= window.since && createdAt < window.until && !isAtEdge
      if (!hasStatus || !isInside) continue
      if (found.get(id)?.["status"] === status) continue
      // As the README says: a purge hides what comes in too late to be looked for, until the next whole read.
      const isLate = createdAt !== undefined && arrived - createdAt > DAY
      if (!isWhole && isLate && lastPurge >= wholeAt && arrived >= wholeAt) met.excused++
      else problems.push(`${id} of ${String(createdAt)} is ${status}, and ${found.get(id)?.["status"] ?? "missing"}`)
    }
    const listed = new Set(beings.map(({ id }) => id))
    for (const id of found.keys()) {
      if (!everKnown.has(id)) problems.push(`${id} never was`)
      // A run that was interrupted has met what its earlier parts have.
      if (isWhole && !listed.has(id) && !before.has(id) && !earlier.has(id))
        problems.push(`${id} has left the list, and is still there`)
    }
    assert.deepStrictEqual(problems, [], `${words}, night ${night}`)
  }

  /** Something that ends a run before its time, after some requests. */
  const interrupt = Effect.fnUntraced(function* () {
    const kind = pick(["SIGKILL", "SIGTERM", "SIGINT", "reset", "500", "--max-runtime"] as const)
    const last = below(Math.ceil(beings.length / 10) + 2)
    let asked = 0
    const limit = kind === "--max-runtime" ? ["--max-runtime", "300 millis"] : []
    const { child, ended } = launch(here(), ["run", "--out", out, ...args, ...limit])
    list.answer = (_, response) => {
      if (asked++ < last) return false
      if (kind === "500") response.writeHead(500).end()
      else if (kind === "reset") response.destroy()
      // The rest hangs until the end comes.
      else if (kind !== "--max-runtime") child.kill(kind)
      return true
    }
    yield* Effect.promise(() => ended)
    list.answer = undefined
    met.interrupted++
  })

  for (let n = 0; n < 90; n++)
    enter(now - DAY - below(20 * DAY), pick(["closed", "closed", "closed", "error"] as const))
  for (let night = 0; night < NIGHTS; night++) {
    liveOneDay()
    show()
    let earlier = new Map<string, string>()
    if (chance(0.4)) {
      earlier = new Map(beings.map(({ id, status }) => [id, status]))
      yield* interrupt()
      if (chance(0.5)) liveOneDay()
      show()
    }
    const held = currentOf(out)
    if (held.size > 0 && chance(0.15)) {
      list.rows = list.rows.slice(0, pick([0, 7, 25] as const))
      list.total = pick([undefined, beings.length] as const)
      const { code, stderr } = yield* exportTo(here(), out, ...args)
      // Sessions that the list no longer shows must not be lost by that.
      if (code !== 5) assert.strictEqual(code, 0, `${words}: ${stderr}`)
      const kept = currentOf(out)
      const isSure = mode === "incremental" || manifestOf(out).completeness === "proven"
      const lost = [...held].filter(([id, { status }]) => {
        const { createdAt, status: actual } = everKnown.get(id) ?? {}
        // A snapshot goes along with its window.
        const isOutside = mode === "snapshot" && createdAt !== undefined && createdAt < bounds(now).since + HOUR
        return isSure && !kept.has(id) && status === actual && !isOutside
      })
      assert.deepStrictEqual(lost, [], `${words}, night ${night}: lost by a glitch`)
      list.total = undefined
      met.glitches++
      show()
    }
    // Now and then something happens while the list is read.
    const isBusy = chance(0.3)
    list.answer = () => {
      if (isBusy && chance(0.1)) enter(now, "active")
      if (isBusy && chance(0.05)) for (const being of beings.slice(0, 20)) if (being.status === "active") end(being)
      if (isBusy) show()
      return false
    }
    const before = new Map(beings.map(({ id, status }) => [id, status]))
    const { code, stderr } = yield* exportTo(here(), out, ...args)
    list.answer = undefined
    if (isStrict && code === 5) assert.include(stderr, "unproven", words)
    else assert.strictEqual(code, 0, `${words}, night ${night}: ${stderr}`)
    if (code === 0) judge(before, earlier, night)
    now += DAY + below(HOUR) - HOUR / 2
  }
  // A quiet night, read as a whole: then everything is as in the list.
  show()
  const before = new Map(beings.map(({ id, status }) => [id, status]))
  const { code, stderr } = yield* exportTo(here(), out, ...args, ...(isStrict ? [] : ["--strict"]))
  assert.strictEqual(code, 0, `${words}: ${stderr}`)
  judge(before, new Map(), NIGHTS)
  assert.strictEqual((yield* run({}, "verify", "--out", out)).code, 0, words)
}, Effect.scoped)

describe("worlds", { timeout: 3_600_000 }, () => {
  it.live("no session is lost night after night", () =>
    Effect.gen(function* () {
      tell(`${4 * rounds} worlds of HB_SESSIONS_TEST_SEED=${seed}`)
      const worlds = Array.from({ length: rounds }).flatMap((_, round) =>
        ["snapshot", "incremental"].flatMap((mode) =>
          [false, true].map((isStrict) => ({ name: `world-${seed}-${round}-${mode}-${isStrict}`, mode, isStrict }))
        )
      )
      yield* Effect.forEach(worlds, ({ isStrict, mode, name }) => play(name, mode, isStrict), {
        concurrency: 2,
        discard: true
      })
      tell(JSON.stringify(met))
      assert.isAbove(met.proven, met.nights / 2)
      assert.isAbove(met.recent, 0)
    })
  )
})
