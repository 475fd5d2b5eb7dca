/**
 * Encoded answers by key: kept for a while, fetched once for all who wait, bounded by bytes.
 */
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import { Claim } from "../upstream/Claim.ts"
import { flat } from "./flat.ts"
import { anything, type Wish } from "../http/RequestCacheControl.ts"
import * as SteadyTime from "@hb-sessions/app-kit/SteadyTime"

/** How long an answer is used, and how much is kept. */
export interface ByteCacheOptions {
  /** As long as this an answer is given without asking. */
  readonly fresh: Duration.Input
  /** For as long after that it is given at once, and fetched anew behind the scenes. */
  readonly staleWhileRevalidate: Duration.Input
  /** For as long after `fresh` it is given when fetching fails, or takes longer than `patience`. */
  readonly staleIfError: Duration.Input
  /** How long a fetch may take while there is an answer within `staleIfError`. */
  readonly patience: Duration.Input
  /** How long a failure is given again that asking again would not change. */
  readonly negative: Duration.Input
  /** Most bytes of memory that all entries may hold; 0 keeps nothing. */
  readonly maxBytes: number
}

/** What can be kept. */
export interface Sized<A> {
  /** Bytes of memory that it holds, in all its parts, when it is made. */
  readonly cost: number
  /** Takes over what was made of an older answer, if that was the same; gives the bytes that it takes. */
  readonly takeOver?: (older: A) => number
}

/**
 * What a failure tells.
 *
 * - `outage`: an old answer is better than it.
 * - `negative`: asking again soon would bring the same; it is kept for a short time.
 * - `other`: neither.
 */
export type FailureKind = "outage" | "negative" | "other"

/** How failures are judged and kept. */
export interface Failures<E> {
  readonly kindOf: (error: E) => FailureKind
  /** One that is kept is kept as a text: an error holds on to the fiber that it came from, and so to a whole answer. */
  readonly encode: (error: E) => string
  readonly decode: (text: string) => E
}

/**
 * How an answer came about.
 *
 * - `hit`: it was fresh.
 * - `stale`: it was not, and is being fetched anew.
 * - `stale-error`: it was not, and fetching it anew failed or takes long.
 * - `miss`: it was fetched.
 * - `reload`: it was fetched, as its client did not want the one that was kept.
 * - `collapsed`: another request was fetching it already.
 */
export type CacheState = "hit" | "stale" | "stale-error" | "miss" | "reload" | "collapsed"

/** An answer, when it was fetched, and how it came about. */
export interface Found<A> {
  readonly value: A
  /** Steady milliseconds. */
  readonly storedAt: number
  readonly state: CacheState
}

/** Nothing is kept that the client may be given, and it wants nothing else. */
export class NotKept extends Data.TaggedError("NotKept") {}

/** What a fetch may bring, and what it brought. */
export interface Terms {
  /** Oldest answer that it may take from elsewhere, in milliseconds; below 0 for none that was there before. */
  readonly maxAgeMillis: number
  /** Whether one of those who wait lets it be kept. */
  readonly mayKeep: () => boolean
  /** How old the answer is that it brought, in milliseconds; 0 unless it says otherwise. */
  ageMillis: number
}

/** Fetches an answer for those who wait for it. */
type Load<A, E, R> = (claim: Claim, terms: Terms) => Effect.Effect<A, E, R>

interface Entry<A> {
  readonly value: A
  readonly storedAt: number
}

/** An answer that was fetched, with its age then. */
interface Fetched<A> extends Entry<A> {
  readonly ageMillis: number
}

/** A failure that is kept. */
interface Failure {
  readonly error: string
  readonly storedAt: number
}

interface Kept<A> {
  readonly entry: Found<A> | Failure
  cost: number
  /** When it was used last, to the second: steady milliseconds. */
  usedAt: number
}

interface Flight<A, E> {
  readonly done: Deferred.Deferred<Fetched<A>, E>
  readonly claim: Claim
  readonly startedAt: number
  fiber: Fiber.Fiber<void> | undefined
  waiters: number
  /** Whether one of those who wait lets it be kept. */
  mayKeep: boolean
}

/** Bytes that an entry takes beside its key and what its value counts. Measured in `memory.test.ts`. */
const OVERHEAD = 400
/** An answer that is used again within this time keeps its place among those that make room. */
const TOUCH_MILLIS = 1000
/** Most entries, however small they are. */
const MAX_ENTRIES = 100_000

/**
 * A cache of bytes.
 *
 * **Details**
 *
 * All requests for a key that is being fetched wait for the same fetch. It is interrupted when the last of them
 * is, and not before, unless an old answer was given in its place: then it goes on behind the scenes. The answers used
 * longest ago make room for new ones; one that alone needs more than a quarter of the room is not kept. Ages are
 * measured in steady time.
 */
export class ByteCache<A extends Sized<A>, E> {
  /** How long an answer is fresh, in milliseconds. */
  readonly freshMillis: number
  private readonly entries = new Map<string, Kept<A>>()
  private readonly flights = new Map<string, Flight<A, E>>()
  private readonly revalidateMillis: number
  private readonly errorMillis: number
  private readonly negativeMillis: number
  private readonly patienceMillis: number
  private readonly maxBytes: number
  private readonly failures: Failures<E>
  private readonly scope: Scope.Scope
  private used = 0

  private constructor(options: ByteCacheOptions, failures: Failures<E>, scope: Scope.Scope) {
    this.freshMillis = millis(options.fresh)
    this.revalidateMillis = this.freshMillis + millis(options.staleWhileRevalidate)
    this.errorMillis = this.freshMillis + millis(options.staleIfError)
    this.negativeMillis = millis(options.negative)
    this.patienceMillis = millis(options.patience)
    this.maxBytes = options.maxBytes
    this.failures = failures
    this.scope = scope
  }

  /** Makes an empty cache; closing the scope interrupts what is being fetched. */
  static readonly make = <Value extends Sized<Value>, Problem>(
    options: ByteCacheOptions,
    failures: Failures<Problem>
  ): Effect.Effect<ByteCache<Value, Problem>, never, Scope.Scope> =>
    Effect.map(Effect.scope, (scope) => new ByteCache<Value, Problem>(options, failures, scope))

  /** Bytes in use. */
  get bytes(): number {
    return this.used
  }

  /** Answers that are kept. */
  get size(): number {
    return this.entries.size
  }

  /** How much longer an answer is fresh, in milliseconds; below 0 for how long it is not any more. */
  freshFor(storedAt: number, now: number): number {
    return storedAt + this.freshMillis - now
  }

  /** The answer if it is fresh at `now`, steady milliseconds, and wanted; without waiting. */
  peek(key: string, now: number, wish: Wish = anything): Found<A> | undefined {
    const kept = this.entries.get(key)
    if (kept === undefined || "error" in kept.entry) return undefined
    const { entry } = kept
    if (this.freshFor(entry.storedAt, now) <= 0) return undefined
    if (wish !== anything && !this.isWanted(entry, now, wish)) return undefined
    if (now - kept.usedAt >= TOUCH_MILLIS) {
      kept.usedAt = now
      this.touch(key)
    }
    return entry
  }

  /**
   * Notes that an answer takes more bytes than when it was stored. False if it is not kept, or has no room for them: then
   * it must not hold them.
   */
  grow(key: string, value: A, bytes: number): boolean {
    const kept = this.entries.get(key)
    if (kept === undefined || "error" in kept.entry || kept.entry.value !== value) return false
    if (this.isTooLarge(kept.cost + bytes)) return false
    kept.cost += bytes
    this.used += bytes
    this.touch(key)
    this.makeRoom()
    return true
  }

  /**
   * The answer, from the cache or from `load`, for `owner`, whose share of the upstream it takes.
   *
   * A client that does not want what is kept waits for the fetch that is under way, or for one of its own, and gets its
   * failure too.
   */
  get<R>(
    key: string,
    owner: string,
    load: Load<A, E, R>,
    wish: Wish = anything
  ): Effect.Effect<Found<A>, E | NotKept, R> {
    return Effect.flatMap(SteadyTime.now, (now): Effect.Effect<Found<A>, E | NotKept, R> => {
      const found = this.peek(key, now, wish)
      if (found !== undefined) return Effect.succeed(found)
      const failure = this.failureOf(key, now, wish)
      if (failure !== undefined) return Effect.fail(this.failures.decode(failure.error))
      const kept = this.answerOf(key)
      const entry = kept !== undefined && this.isWanted(kept, now, wish) ? kept : undefined
      if (entry !== undefined && now < entry.storedAt + this.revalidateMillis) {
        const isFetched = this.flights.has(key) || wish.isOnlyKept
        const refresh = isFetched ? Effect.void : this.behind(key, owner, load, true, this.freshMillis)
        return Effect.as(refresh, { ...entry, state: "stale" as const })
      }
      if (wish.isOnlyKept) return Effect.fail(new NotKept())
      const isUnwanted = kept !== undefined && now < kept.storedAt + this.revalidateMillis
      const state = this.flights.has(key) ? "collapsed" : isUnwanted ? "reload" : "miss"
      return entry !== undefined && now < entry.storedAt + this.errorMillis
        ? this.unlessOld(key, owner, load, { entry, state, now, wish })
        : Effect.flatMap(this.join(key, owner, load, wish.mayKeep, this.oldest(wish)), (fetched) =>
            this.brought(key, owner, load, fetched, state)
          )
    })
  }

  /** The age up to which an answer from elsewhere is as good as one that is kept here. */
  private oldest({ maxAgeMillis, maxStaleMillis, minFreshMillis }: Wish): number {
    const fresh = this.freshMillis
    return Math.min(this.revalidateMillis, maxAgeMillis, fresh - minFreshMillis, fresh + maxStaleMillis)
  }

  /** What a fetch brought, which may be an answer from elsewhere: as one that is kept here, it may have to be fetched anew. */
  private brought<R>(key: string, owner: string, load: Load<A, E, R>, fetched: Fetched<A>, state: CacheState) {
    const { ageMillis, ...entry } = fetched
    if (ageMillis === 0) return Effect.succeed<Found<A>>({ ...entry, state })
    if (ageMillis < this.freshMillis) return Effect.succeed<Found<A>>({ ...entry, state: "hit" })
    const refresh = this.flights.has(key) ? Effect.void : this.behind(key, owner, load, true, this.freshMillis)
    return Effect.as(refresh, { ...entry, state: "stale" as const } satisfies Found<A>)
  }

  /** Fetches behind the scenes: no client that leaves ends it. */
  private behind<R>(key: string, owner: string, load: Load<A, E, R>, mayKeep: boolean, maxAgeMillis: number) {
    return Effect.forkIn(Effect.exit(this.join(key, owner, load, mayKeep, maxAgeMillis)), this.scope)
  }

  /** Fetches, and gives the old answer when that fails or takes longer than patience allows. */
  private unlessOld<R>(
    key: string,
    owner: string,
    load: Load<A, E, R>,
    {
      entry,
      now,
      state,
      wish
    }: { readonly entry: Entry<A>; readonly state: CacheState; readonly now: number; readonly wish: Wish }
  ): Effect.Effect<Found<A>, E, R> {
    const old = Effect.succeed<Found<A>>({ ...entry, state: "stale-error" })
    const startedAt = this.flights.get(key)?.startedAt ?? now
    return this.behind(key, owner, load, wish.mayKeep, this.oldest(wish)).pipe(
      Effect.flatMap((fiber) =>
        Effect.timeoutOption(Fiber.join(fiber), Math.max(0, startedAt + this.patienceMillis - now))
      ),
      Effect.flatMap(
        Option.match({
          onNone: () => old,
          onSome: (exit) =>
            Effect.matchEffect(exit, {
              onFailure: (error) => (this.failures.kindOf(error) === "outage" ? old : Effect.fail(error)),
              onSuccess: (fetched) => this.brought(key, owner, load, fetched, state)
            })
        })
      )
    )
  }

  /** Waits for the fetch that is under way, or begins one. */
  private join<R>(
    key: string,
    owner: string,
    load: Load<A, E, R>,
    mayKeep: boolean,
    maxAgeMillis: number
  ): Effect.Effect<Fetched<A>, E, R> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.suspend(() => {
        const flight = this.flights.get(key)
        const joined = flight === undefined ? this.begin(key, owner, load, maxAgeMillis) : Effect.succeed(flight)
        return Effect.flatMap(joined, (flown) => {
          flown.waiters += 1
          flown.mayKeep ||= mayKeep
          flown.claim.add(owner)
          return Effect.filterOrElse(
            Effect.onExit(restore(Deferred.await(flown.done)), () => this.leave(key, flown)),
            ({ ageMillis }) => ageMillis <= Math.max(0, maxAgeMillis),
            // Good enough for the one who began, and too old for this one.
            () => restore(this.join(key, owner, load, mayKeep, maxAgeMillis))
          )
        })
      })
    )
  }

  private begin<R>(
    key: string,
    owner: string,
    load: Load<A, E, R>,
    maxAgeMillis: number
  ): Effect.Effect<Flight<A, E>, never, R> {
    return Effect.flatMap(SteadyTime.now, (startedAt) => {
      const claim = new Claim(owner)
      const done = Deferred.makeUnsafe<Fetched<A>, E>()
      const flight: Flight<A, E> = { done, claim, startedAt, fiber: undefined, waiters: 0, mayKeep: false }
      this.flights.set(key, flight)
      const terms: Terms = { maxAgeMillis, mayKeep: () => flight.mayKeep, ageMillis: 0 }
      const fetched = Effect.flatMap(load(claim, terms), (value) =>
        Effect.map(SteadyTime.now, (now): Fetched<A> => {
          const entry = { value, storedAt: now - terms.ageMillis }
          if (flight.mayKeep) this.storeAnswer(key, entry)
          return { ...entry, ageMillis: terms.ageMillis }
        })
      )
      return Effect.interruptible(fetched).pipe(
        Effect.tapError((error) =>
          this.failures.kindOf(error) === "negative" && this.negativeMillis > 0
            ? Effect.map(SteadyTime.now, (storedAt) => {
                if (flight.mayKeep) this.storeFailure(key, error, storedAt)
              })
            : Effect.void
        ),
        Effect.onExit((exit) => this.land(key, flight, exit)),
        Effect.exit,
        Effect.asVoid,
        Effect.forkIn(this.scope),
        Effect.map((fiber) => {
          flight.fiber = fiber
          return flight
        })
      )
    })
  }

  private land(key: string, flight: Flight<A, E>, exit: Exit.Exit<Fetched<A>, E>) {
    if (this.flights.get(key) === flight) this.flights.delete(key)
    return Deferred.done(flight.done, exit)
  }

  /** The last one to leave a fetch that has not landed ends it. */
  private leave(key: string, flight: Flight<A, E>): Effect.Effect<void> {
    return Effect.suspend(() => {
      flight.waiters -= 1
      if (flight.waiters > 0 || this.flights.get(key) !== flight) return Effect.void
      this.flights.delete(key)
      return flight.fiber === undefined ? Effect.void : Fiber.interrupt(flight.fiber)
    })
  }

  private answerOf(key: string): Entry<A> | undefined {
    const entry = this.entries.get(key)?.entry
    return entry === undefined || "error" in entry ? undefined : entry
  }

  private failureOf(key: string, now: number, wish: Wish): Failure | undefined {
    const entry = this.entries.get(key)?.entry
    if (entry === undefined || !("error" in entry)) return undefined
    const freshMillis = entry.storedAt + this.negativeMillis - now
    const isWanted = now - entry.storedAt <= wish.maxAgeMillis && freshMillis >= wish.minFreshMillis
    return freshMillis > 0 && isWanted ? entry : undefined
  }

  private isWanted({ storedAt }: Entry<A>, now: number, wish: Wish): boolean {
    const freshMillis = this.freshFor(storedAt, now)
    return (
      now - storedAt <= wish.maxAgeMillis && freshMillis >= wish.minFreshMillis && -freshMillis <= wish.maxStaleMillis
    )
  }

  private storeAnswer(key: string, entry: Entry<A>): void {
    const older = this.answerOf(key)
    const extra = older === undefined ? 0 : (entry.value.takeOver?.(older.value) ?? 0)
    this.store(key, { ...entry, state: "hit" }, entry.value.cost + extra)
  }

  private storeFailure(key: string, failure: E, storedAt: number): void {
    const error = this.failures.encode(failure)
    this.store(key, { error, storedAt }, 2 * error.length)
  }

  private store(key: string, entry: Found<A> | Failure, valueCost: number): void {
    this.remove(key)
    const cost = OVERHEAD + key.length + valueCost
    if (this.isTooLarge(cost)) return
    this.entries.set(flat(key), { entry, cost, usedAt: Number.NEGATIVE_INFINITY })
    this.used += cost
    this.makeRoom()
  }

  private isTooLarge(cost: number): boolean {
    return cost * 4 > this.maxBytes
  }

  private makeRoom(): void {
    for (const oldest of this.entries.keys()) {
      if (this.used <= this.maxBytes && this.entries.size <= MAX_ENTRIES) break
      this.remove(oldest)
    }
  }

  private touch(key: string): void {
    const kept = this.entries.get(key)
    if (kept === undefined) return
    this.entries.delete(key)
    this.entries.set(key, kept)
  }

  private remove(key: string): void {
    const kept = this.entries.get(key)
    if (kept === undefined) return
    this.entries.delete(key)
    this.used -= kept.cost
  }
}

const millis = (input: Duration.Input): number => Duration.toMillis(Duration.fromInputUnsafe(input))
