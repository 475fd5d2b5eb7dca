/**
 * Encoded answers by key: kept for a while, fetched once for all who wait, bounded by bytes.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"

/** How long an answer is used, and how much is kept. */
export interface ByteCacheOptions {
  /** As long as this an answer is given without asking. */
  readonly fresh: Duration.Input
  /** For as long after that it is given at once, and fetched anew behind the scenes. */
  readonly staleWhileRevalidate: Duration.Input
  /** For as long after `fresh` it is given when fetching fails. */
  readonly staleIfError: Duration.Input
  /** Most bytes of all bodies, with their bookkeeping; 0 keeps nothing. */
  readonly maxBytes: number
}

/** What can be kept: its size in bytes, and whatever else belongs to it. */
export interface Sized {
  readonly size: number
}

/**
 * How an answer came about.
 *
 * - `hit`: it was fresh.
 * - `stale`: it was not, and is being fetched anew.
 * - `stale-error`: it was not, and fetching it anew failed.
 * - `miss`: it was fetched.
 * - `collapsed`: somebody else was fetching it already.
 */
export type CacheState = "hit" | "stale" | "stale-error" | "miss" | "collapsed"

/** An answer, when it was fetched, and how it came about. */
export interface Found<A> {
  readonly value: A
  /** Epoch milliseconds. */
  readonly storedAt: number
  readonly state: CacheState
}

interface Entry<A> {
  readonly value: A
  readonly storedAt: number
}

interface Flight<A, E> {
  readonly done: Deferred.Deferred<Entry<A>, E>
  fiber: Fiber.Fiber<void> | undefined
  waiters: number
}

/** What a key, an entry of a map and a few headers cost beside the body. */
const OVERHEAD = 1024

/**
 * A cache of bytes.
 *
 * **Details**
 *
 * Everybody who asks for a key that is being fetched waits for the same fetch. It is interrupted when the last of them
 * is, and not before. The answers used longest ago make room for new ones; one that alone needs more than a quarter of
 * the room is not kept. Failures are not kept.
 */
export class ByteCache<A extends Sized, E> {
  private readonly entries = new Map<string, Entry<A>>()
  private readonly flights = new Map<string, Flight<A, E>>()
  private readonly freshMillis: number
  private readonly revalidateMillis: number
  private readonly errorMillis: number
  private readonly maxBytes: number
  private readonly isOutage: (error: E) => boolean
  private readonly scope: Scope.Scope
  private used = 0

  private constructor(options: ByteCacheOptions, isOutage: (error: E) => boolean, scope: Scope.Scope) {
    this.freshMillis = millis(options.fresh)
    this.revalidateMillis = this.freshMillis + millis(options.staleWhileRevalidate)
    this.errorMillis = this.freshMillis + millis(options.staleIfError)
    this.maxBytes = options.maxBytes
    this.isOutage = isOutage
    this.scope = scope
  }

  /**
   * Makes an empty cache; closing the scope interrupts what is being fetched.
   *
   * `isOutage` tells the failures that an old answer is better than.
   */
  static readonly make = <Value extends Sized, Failure>(
    options: ByteCacheOptions,
    isOutage: (error: Failure) => boolean
  ): Effect.Effect<ByteCache<Value, Failure>, never, Scope.Scope> =>
    Effect.map(Effect.scope, (scope) => new ByteCache<Value, Failure>(options, isOutage, scope))

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

  /** The answer if it is fresh, without waiting. */
  peek(key: string, now: number): Found<A> | undefined {
    const entry = this.entries.get(key)
    if (entry === undefined || this.freshFor(entry.storedAt, now) <= 0) return undefined
    this.touch(key, entry)
    return { ...entry, state: "hit" }
  }

  /** The answer, from the cache or from `load`. */
  get<R>(key: string, load: Effect.Effect<A, E, R>): Effect.Effect<Found<A>, E, R> {
    return Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const found = this.peek(key, now)
      if (found !== undefined) return Effect.succeed(found)
      const entry = this.entries.get(key)
      if (entry !== undefined && now < entry.storedAt + this.revalidateMillis) {
        const refresh = this.flights.has(key)
          ? Effect.void
          : Effect.forkIn(Effect.exit(this.join(key, load)), this.scope)
        return Effect.as(refresh, { ...entry, state: "stale" as const })
      }
      const state = this.flights.has(key) ? ("collapsed" as const) : ("miss" as const)
      return this.join(key, load).pipe(
        Effect.map((fetched): Found<A> => ({ ...fetched, state })),
        Effect.catch((error) => this.orStale(key, error))
      )
    })
  }

  private orStale(key: string, error: E): Effect.Effect<Found<A>, E> {
    return Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const entry = this.entries.get(key)
      return entry !== undefined && this.isOutage(error) && now < entry.storedAt + this.errorMillis
        ? Effect.succeed({ ...entry, state: "stale-error" as const })
        : Effect.fail(error)
    })
  }

  /** Waits for the fetch that is under way, or begins one. */
  private join<R>(key: string, load: Effect.Effect<A, E, R>): Effect.Effect<Entry<A>, E, R> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.suspend(() => {
        const flight = this.flights.get(key)
        const joined = flight === undefined ? this.begin(key, load) : Effect.succeed(flight)
        return Effect.flatMap(joined, (flown) => {
          flown.waiters += 1
          return Effect.onExit(restore(Deferred.await(flown.done)), () => this.leave(key, flown))
        })
      })
    )
  }

  private begin<R>(key: string, load: Effect.Effect<A, E, R>): Effect.Effect<Flight<A, E>, never, R> {
    const flight: Flight<A, E> = { done: Deferred.makeUnsafe(), fiber: undefined, waiters: 0 }
    this.flights.set(key, flight)
    const fetched = Effect.flatMap(load, (value) =>
      Effect.map(Clock.currentTimeMillis, (storedAt) => this.store(key, { value, storedAt }))
    )
    return Effect.interruptible(fetched).pipe(
      Effect.onExit((exit) => this.land(key, flight, exit)),
      Effect.exit,
      Effect.asVoid,
      Effect.forkIn(this.scope),
      Effect.map((fiber) => {
        flight.fiber = fiber
        return flight
      })
    )
  }

  private land(key: string, flight: Flight<A, E>, exit: Exit.Exit<Entry<A>, E>) {
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

  private store(key: string, entry: Entry<A>): Entry<A> {
    this.remove(key)
    const cost = costOf(entry)
    if (cost * 4 > this.maxBytes) return entry
    this.entries.set(key, entry)
    this.used += cost
    for (const oldest of this.entries.keys()) {
      if (this.used <= this.maxBytes) break
      this.remove(oldest)
    }
    return entry
  }

  private touch(key: string, entry: Entry<A>): void {
    this.entries.delete(key)
    this.entries.set(key, entry)
  }

  private remove(key: string): void {
    const entry = this.entries.get(key)
    if (entry === undefined) return
    this.entries.delete(key)
    this.used -= costOf(entry)
  }
}

const millis = (input: Duration.Input): number => Duration.toMillis(Duration.fromInputUnsafe(input))

const costOf = (entry: Entry<Sized>): number => entry.value.size + OVERHEAD
