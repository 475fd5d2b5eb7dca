/**
 * What is in a bucket after a run that was killed, disturbed or frozen at each of its requests.
 *
 * Runs in this process reach the store through a gate; to the store, a run whose requests are all cut is a dead one.
 */
import { assert, describe, it } from "@effect/vitest"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { Deferred, Effect, Fiber } from "effect"
import type { Destination } from "../src/publish/Destination.ts"
import { type Fate, type Passing, startGate } from "./store/Gate.ts"
import * as rgw from "./store/rgw.ts"
import { codeOf, endLease, find, type Found, type Place, runJob, withClient } from "./store/runs.ts"
import { strict, type TestStore } from "./store/stores.ts"
import { isFull, tell } from "./strace.ts"

const selections: ReadonlyArray<Readonly<Record<string, string>>> = [
  {},
  { HB_SESSIONS_EXPORT_MODE: "incremental", HB_SESSIONS_EXPORT_FORMAT: "ndjson", HB_SESSIONS_EXPORT_COMPRESS: "gzip" }
]

type Change = (real: Destination["Service"]) => Destination["Service"]

/** A prefix with one generation, and the next run to be disturbed. */
interface Round {
  readonly place: Place
  readonly change: Change | undefined
}

let rounds = 0

const prepare = Effect.fnUntraced(function* (
  store: TestStore,
  settings: Readonly<Record<string, string>>,
  change?: Change
) {
  const place: Place = { store, prefix: `round/${++rounds}`, settings }
  yield* runJob(place, change)
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
    const exit = yield* Effect.exit(runJob({ ...place, through: gate.url }, change))
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
  const code = codeOf(yield* Effect.exit(runJob(place, change)))
  const found = yield* find(place)
  const [latest, expected] = found.latest
  return [
    ...(code === 0 ? [] : [`the next run exits with ${code}`]),
    ...problemsOf(found, least + (code === 0 ? 1 : 0)),
    ...found.left.map((key) => `${key} is left`),
    ...(latest === expected ? [] : ["sessions.csv is not the current one"])
  ]
})

/** The numbers of the requests of an undisturbed run, all of them or a sample. */
const pointsOf = Effect.fnUntraced(function* (round: Round, every: number) {
  const { seen } = yield* through(round, () => "pass")
  const step = isFull ? 1 : every
  return seen.flatMap(({ number }) => (number % step === 0 || number === seen.length ? [number] : []))
})

/** Plays a round for each request of a run, and succeeds with what went wrong. */
const playAll = Effect.fnUntraced(function* (
  store: TestStore,
  settings: Readonly<Record<string, string>>,
  options: { readonly every: number; readonly change?: Change },
  play: (round: Round, point: number) => Effect.Effect<ReadonlyArray<string>, unknown, Simulator>
) {
  const { change, every } = options
  const points = yield* pointsOf(yield* prepare(store, settings, change), every)
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
    const tell = () => Effect.runSync(Effect.asVoid(Deferred.succeed(reached, undefined)))
    const gate = yield* startGate(
      round.place.store.endpoint,
      ({ number }) => {
        if (number < point) return "pass"
        if (number === point && isThrough) return "lose"
        tell()
        return "drop"
      },
      ({ number }) => (number === point ? tell() : undefined)
    )
    // Its end is not waited for: what it still tries does not get through.
    const run = yield* Effect.forkDetach(runJob({ ...round.place, through: gate.url }, round.change))
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
    const thawed = yield* Deferred.make<Fate>()
    const gate = yield* startGate(round.place.store.endpoint, ({ number }) => {
      if (number !== point) return "pass"
      Effect.runSync(Effect.asVoid(Deferred.succeed(reached, undefined)))
      return Effect.runPromise(Deferred.await(thawed))
    })
    const run = yield* Effect.forkChild(Effect.exit(runJob({ ...round.place, through: gate.url }, round.change)))
    yield* Effect.raceFirst(Deferred.await(reached), Fiber.await(run))
    const problems: Array<string> = []
    for (let other = 0; other < others; other++) {
      yield* endLease(round.place)
      const code = codeOf(yield* Effect.exit(runJob(round.place, round.change)))
      if (code !== 0) problems.push(`another run exits with ${code}`)
    }
    const between = yield* find(round.place)
    yield* Deferred.succeed(thawed, "pass")
    const code = codeOf(yield* Fiber.join(run))
    if (code !== 0 && code !== 75) problems.push(`the frozen run exits with ${code}`)
    const found = yield* find(round.place)
    const again = yield* runAgain(round, found.generation)
    return [...problems, ...problemsOf(between, 1 + others), ...problemsOf(found, between.generation), ...again]
  }).pipe(Effect.scoped)

/** A destination without the rules: writes whatever it has, and removes before it commits. */
const careless =
  (place: () => Place): Change =>
  (real) => ({
    ...real,
    commit: (_, { manifest, text }) =>
      withClient(place(), (s3) =>
        Effect.gen(function* () {
          const home = `generations/${String(manifest.generation).padStart(8, "0")}`
          yield* s3.put("manifest.json", text)
          yield* s3.put(`${home}/manifest.json`, text)
        })
      )
  })

const suite = (name: string, start: Effect.Effect<TestStore, never, import("effect").Scope.Scope>, every: number) => {
  describe(name, { timeout: 3_600_000 }, () => {
    for (const settings of selections) {
      const shown = Object.values(settings).join(" ")
      const all = (
        title: string,
        play: (round: Round, point: number) => Effect.Effect<ReadonlyArray<string>, unknown, Simulator>
      ) =>
        it.live(`${title} ${shown}`, () =>
          Effect.gen(function* () {
            const store = yield* start
            assert.deepStrictEqual(yield* playAll(store, settings, { every }, play), [])
          }).pipe(Effect.provide(Simulator.layer({ sessions: 35, seed: "bucket" })), Effect.scoped)
        )
      all(
        "a run that is killed before a request leaves what was published, and the next one puts all right",
        killed(false)
      )
      all(
        "a run that is killed after a request leaves what was published, and the next one puts all right",
        killed(true)
      )
      all("an answer that is lost does not keep a run from publishing", disturbed("lose"))
      all("a 503 does not keep a run from publishing", disturbed(503))
      all(
        "a 409 to a condition does not keep a run from publishing",
        disturbed(409, ({ isConditional }) => isConditional)
      )
      all("a run that is frozen while another publishes takes nothing back", frozen(1))
      all("a run that is frozen until its number is free again takes nothing back", frozen(3))
    }
  })
}

suite("a strict store", strict(), 2)
suite("Ceph RGW", rgw.start, 6)
