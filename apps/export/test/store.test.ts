/**
 * What is in a bucket after a run that was killed, disturbed or frozen at each of its requests.
 *
 * Runs in this process reach the store through a gate; to the store, a run whose requests are all cut is a dead one.
 */
import { assert, describe, it } from "@effect/vitest"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { Deferred, Effect, Fiber, Option, Stream } from "effect"
import { manifestPath } from "../src/publish/Layout.ts"
import { filesOf } from "../src/publish/Manifest.ts"
import { type Fate, type Passing, startGate } from "./store/Gate.ts"
import { isInstalled } from "@hb-sessions/object-store/Rgw"
import { type Change, codeOf, endLease, find, type Found, type Place, runJob, withStore } from "./store/runs.ts"
import { rgw, strict, type TestStore } from "./store/stores.ts"
import { isFull, tell } from "./strace.ts"

const selections: ReadonlyArray<Readonly<Record<string, string>>> = [
  {},
  { HB_SESSIONS_EXPORT_MODE: "incremental", HB_SESSIONS_EXPORT_FORMAT: "ndjson", HB_SESSIONS_EXPORT_COMPRESS: "gzip" }
]

type ChangeAt = (place: Place) => Change

/** A prefix with one generation, and the next run to be disturbed. */
interface Round {
  readonly place: Place
  readonly change: ChangeAt | undefined
}

let rounds = 0

const prepare = Effect.fnUntraced(function* (
  store: TestStore,
  settings: Readonly<Record<string, string>>,
  change?: ChangeAt
) {
  const place: Place = { store, prefix: `round/${++rounds}`, settings }
  yield* runJob(place, change?.(place))
  const simulator = yield* Simulator
  // So that the next generation has a file of its own in every mode.
  yield* simulator.mutate("start", 1)
  const round: Round = { place, change }
  return round
})

/** Runs through a gate; succeeds with its exit code and the requests that it sent. */
const through = ({ change, place }: Round, decide: (passing: Passing) => Fate | Promise<Fate>) =>
  Effect.gen(function* () {
    const gate = yield* startGate(place.store.endpoint, decide)
    const exit = yield* Effect.exit(runJob({ ...place, through: gate.url }, change?.(place)))
    return { code: codeOf(exit), seen: gate.seen }
  }).pipe(Effect.scoped)

/** What must be so whenever a reader looks. */
const problemsOf = (found: Found, least: number): ReadonlyArray<string> => [
  ...found.problems,
  ...(found.generation < least ? [`generation ${found.generation} after ${least}`] : [])
]

/** The run after a fault: it must put everything right. */
const runAgain = Effect.fnUntraced(function* ({ change, place }: Round, least: number) {
  yield* endLease(place)
  const code = codeOf(yield* Effect.exit(runJob(place, change?.(place))))
  const found = yield* find(place)
  const [latest, expected] = found.latest
  return [
    ...(code === 0 ? [] : [`the next run exits with ${code}`]),
    ...problemsOf(found, least + (code === 0 ? 1 : 0)),
    ...found.left.map((key) => `${key} is left`),
    ...(latest === expected ? [] : ["sessions.csv is not the current one"])
  ]
})

/** The numbers of the requests of an undisturbed run: all of them, or a sample that begins elsewhere for each kind. */
const pointsOf = Effect.fnUntraced(function* (round: Round, { every, offset }: Sample) {
  const { seen } = yield* through(round, () => "pass")
  const step = isFull ? 1 : every
  return seen.flatMap(({ number }) => (number % step === offset % step ? [number] : []))
})

/** Which requests are played without HB_SESSIONS_TEST_FULL=1. */
interface Sample {
  readonly every: number
  readonly offset: number
}

/** Plays a round for each request of a run, and succeeds with what went wrong. */
const playAll = Effect.fnUntraced(function* (
  store: TestStore,
  settings: Readonly<Record<string, string>>,
  options: Sample & { readonly change?: ChangeAt },
  play: (round: Round, point: number) => Effect.Effect<ReadonlyArray<string>, unknown, Simulator>
) {
  const { change } = options
  const points = yield* pointsOf(yield* prepare(store, settings, change), options)
  tell(`${points.length} of the requests of a run`)
  const found = yield* Effect.forEach(
    points,
    (point) =>
      Effect.gen(function* () {
        const round = yield* prepare(store, settings, change)
        return (yield* play(round, point)).map((problem) => `request ${point}: ${problem}`)
      }),
    { concurrency: 2 }
  )
  return found.flat()
})

/** Killed: from the n-th request on nothing gets through; the n-th itself does or does not. */
const killed = (isThrough: boolean) => (round: Round, point: number) =>
  Effect.gen(function* () {
    const reached = yield* Deferred.make<void>()
    const atPoint = () => void Deferred.doneUnsafe(reached, Effect.void)
    const gate = yield* startGate(
      round.place.store.endpoint,
      ({ number }) => {
        if (number < point) return "pass"
        if (number === point && isThrough) return "lose"
        atPoint()
        return "drop"
      },
      ({ number }) => (number === point ? atPoint() : undefined)
    )
    // Its end is not waited for: what it still tries does not get through.
    const run = yield* Effect.forkDetach(runJob({ ...round.place, through: gate.url }, round.change?.(round.place)))
    yield* Effect.raceFirst(Deferred.await(reached), Fiber.await(run))
    yield* Effect.forkDetach(Fiber.interrupt(run))
    const found = yield* find(round.place)
    const again = yield* runAgain(round, Math.max(1, found.generation))
    return [...problemsOf(found, 1), ...again]
  }).pipe(Effect.scoped)

/** Disturbed once: the run publishes all the same. */
const disturbed =
  (fate: Fate, only: (passing: Passing) => boolean = () => true) =>
  (round: Round, point: number) =>
    Effect.gen(function* () {
      const { code } = yield* through(round, (passing) => (passing.number === point && only(passing) ? fate : "pass"))
      const found = yield* find(round.place)
      const again = yield* runAgain(round, 2)
      return [...(code === 0 ? [] : [`exit code ${code}`]), ...problemsOf(found, 2), ...again]
    })

/** Frozen at the n-th request, while others publish; then it wakes up. */
const frozen = (others: number) => (round: Round, point: number) =>
  Effect.gen(function* () {
    const reached = yield* Deferred.make<void>()
    const thawed = Promise.withResolvers<Fate>()
    const gate = yield* startGate(round.place.store.endpoint, ({ number }) => {
      if (number !== point) return "pass"
      Deferred.doneUnsafe(reached, Effect.void)
      return thawed.promise
    })
    const run = yield* Effect.forkChild(
      Effect.exit(runJob({ ...round.place, through: gate.url }, round.change?.(round.place)))
    )
    yield* Effect.raceFirst(Deferred.await(reached), Fiber.await(run))
    const problems: Array<string> = []
    for (let other = 0; other < others; other++) {
      yield* endLease(round.place)
      const code = codeOf(yield* Effect.exit(runJob(round.place, round.change?.(round.place))))
      if (code !== 0) problems.push(`another run exits with ${code}`)
    }
    const between = yield* find(round.place)
    thawed.resolve("pass")
    const code = codeOf(yield* Fiber.join(run))
    if (code !== 0 && code !== 75) problems.push(`the frozen run exits with ${code}`)
    const found = yield* find(round.place)
    const isCommit = ({ method, url }: Passing) => method === "PUT" && /generations\/\d+\/manifest\.json/.test(url)
    const isCommitted = gate.seen.some((passing) => passing.number < point && isCommit(passing))
    if (code === 0 && !isCommitted && found.generation === between.generation) {
      problems.push("the frozen run says that it published")
    }
    const again = yield* runAgain(round, found.generation)
    return [...problems, ...problemsOf(between, 1 + others), ...problemsOf(found, between.generation), ...again]
  }).pipe(Effect.scoped)

const kinds: ReadonlyArray<
  readonly [string, (round: Round, point: number) => Effect.Effect<ReadonlyArray<string>, unknown, Simulator>]
> = [
  ["killed before a request", killed(false)],
  ["killed after a request", killed(true)],
  ["an answer is lost", disturbed("lose")],
  ["503", disturbed(503)],
  ["409 to a condition", disturbed(409, ({ isConditional }) => isConditional)],
  ["frozen while another publishes", frozen(1)],
  ["frozen until its number is free again", frozen(3)]
]

/**
 * A destination without the rules: it replaces manifests without a condition, and removes what it does not know before
 * it commits.
 */
const careless =
  (place: Place): Change =>
  (real) => ({
    ...real,
    commit: (staging, next) =>
      Effect.gen(function* () {
        const { manifest, text } = next
        yield* withStore(place, (s3) =>
          Effect.gen(function* () {
            const known = new Set(filesOf(manifest).map(({ path }) => path))
            const found = Array.from(yield* Stream.runCollect(s3.list("generations/")), ({ key }) => key)
            yield* s3.remove(found.filter((key) => !known.has(key) && !key.endsWith("/manifest.json")))
            yield* s3.put("manifest.json", text)
            yield* s3.remove([manifestPath(manifest.generation)])
          })
        )
        yield* real.commit(staging, next, Option.none())
      })
  })

/** Plays every kind of round at each request of a sample. */
const playKinds = Effect.fnUntraced(function* (store: TestStore, every: number) {
  let offset = 0
  for (const settings of selections) {
    for (const [title, play] of kinds) {
      // Among the kinds of both selections, every request has its turn.
      const problems = yield* playAll(store, settings, { every, offset: offset++ }, play)
      assert.deepStrictEqual(problems, [], `${title} ${Object.values(settings).join(" ")}`)
    }
  }
})

const list = Simulator.layer({ sessions: 35, seed: "bucket" })

describe("whatever happens to a run, readers find a whole generation, and the next run puts all right", () => {
  it.live(
    "in a strict store",
    () =>
      Effect.gen(function* () {
        yield* playKinds(yield* strict(), 20)
      }).pipe(Effect.provide(list), Effect.scoped),
    3_600_000
  )

  it.live.skipIf(!isInstalled)(
    "in Ceph RGW",
    () =>
      Effect.gen(function* () {
        yield* playKinds(yield* rgw, 28)
      }).pipe(Effect.provide(list), Effect.scoped),
    3_600_000
  )

  it.live(
    "and a careless destination is caught",
    () =>
      Effect.gen(function* () {
        const store = yield* strict()
        const sample = { every: 3, offset: 0, change: careless }
        assert.isNotEmpty(yield* playAll(store, {}, sample, killed(true)))
        assert.isNotEmpty(yield* playAll(store, {}, sample, frozen(1)))
      }).pipe(Effect.provide(list), Effect.scoped),
    3_600_000
  )
})
