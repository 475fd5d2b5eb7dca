/**
 * The simulator as a running HTTP server on this machine.
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpMiddleware from "effect/http/HttpMiddleware"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import type { ServeError } from "effect/http/HttpServerError"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Schedule from "effect/Schedule"
import type { Server } from "node:http"
import { type ChurnRates, makeChurn } from "./Churn.ts"
import { type FaultPlan, makeFaults } from "./Faults.ts"
import { countingServer } from "./internal/countingServer.ts"
import { type Parts, routes } from "./internal/routes.ts"
import { makeRng } from "./Rng.ts"
import { makeStats, type StatsSnapshot } from "./Stats.ts"
import type { Variants } from "./Variants.ts"
import { makeWorld, type MutationKind, type World, type WorldOptions } from "./World.ts"

/** The API key that a simulator accepts when it is not told another one. */
export const defaultApiKey = "simulator-key"

/** The shortest and the longest time until an answer. */
export interface LatencyRange {
  readonly min: Duration.Input
  readonly max: Duration.Input
}

/** Everything that a simulator can be told; without options it serves 1000 sessions, 10 a page, and never fails. */
export interface SimulatorOptions extends WorldOptions, Partial<Variants> {
  /** The only key that is accepted. Default `defaultApiKey`. */
  readonly apiKey?: string | undefined
  /** Address to listen on. Default 127.0.0.1. */
  readonly host?: string | undefined
  /** Port to listen on; 0, the default, takes a free one. */
  readonly port?: number | undefined
  /** Time until an answer, or the shortest and the longest; drawn from the seed. Default none. */
  readonly latency?: Duration.Input | LatencyRange | undefined
  /** Changes to the list; with every request for a page, unless `churnInterval` is given. */
  readonly churn?: ChurnRates | undefined
  /** Time between two steps of `churn`. */
  readonly churnInterval?: Duration.Input | undefined
  readonly faults?: FaultPlan | undefined
  /** Whether `GET /__stats` answers. Default false. */
  readonly stats?: boolean | undefined
}

/**
 * A server that stands in for the vendor's API.
 *
 * **Details**
 *
 * It keeps real time even under `TestClock`, and stops at once, hung requests included, when its scope closes.
 */
export class Simulator extends Context.Service<
  Simulator,
  {
    /** Where it listens, without a path: `http://127.0.0.1:43121`. */
    readonly url: string
    readonly apiKey: string
    /** The list itself, to be read at once, without requests. */
    readonly world: World
    readonly stats: Effect.Effect<StatsSnapshot>
    /** Changes the list so many times, once by default; succeeds with the ids of the sessions that changed. */
    readonly mutate: (kind: MutationKind, times?: number) => Effect.Effect<ReadonlyArray<string>>
    /** Puts another plan in the place of the present one and counts its requests from the start. */
    readonly setFaults: (plan: FaultPlan) => Effect.Effect<void>
    /** Puts other rates in the place of the present ones. */
    readonly setChurn: (rates: ChurnRates) => Effect.Effect<void>
  }
>()("@hb-sessions/simulator/Simulator") {
  /** Starts a server; fails with `ServeError` when it cannot listen there. */
  static readonly layer = (options: SimulatorOptions = {}): Layer.Layer<Simulator, ServeError> =>
    Layer.effect(
      Simulator,
      Effect.suspend(() => start(options))
    ).pipe(Layer.provide(RealTime))
}

/**
 * Starts a simulator for a program without Effect.
 *
 * **Details**
 *
 * Rejects when it cannot listen. `stop` resolves once the port is free again.
 */
export const startSimulator = (options: SimulatorOptions = {}): Promise<RunningSimulator> => {
  const runtime = ManagedRuntime.make(Simulator.layer(options))
  return runtime.runPromise(
    Simulator.useSync(({ apiKey, stats, url, world }) => ({
      url,
      apiKey,
      world,
      stats: () => Effect.runSync(stats),
      stop: () => runtime.dispose()
    }))
  )
}

/** A simulator for a program without Effect. */
export interface RunningSimulator {
  readonly url: string
  readonly apiKey: string
  /** The list, to be read and changed at once. */
  readonly world: World
  readonly stats: () => StatsSnapshot
  readonly stop: () => Promise<void>
}

const RealTime = Layer.succeed(Clock.Clock, Clock.Clock.defaultValue())

const start = Effect.fnUntraced(function* (options: SimulatorOptions) {
  const world = makeWorld(options)
  const parts: Parts = {
    world,
    variants: options,
    stats: makeStats(world),
    broken: new WeakSet(),
    apiKey: options.apiKey ?? defaultApiKey,
    latency: latencyRange(options.latency ?? 0),
    rng: makeRng(`${world.seed}/latency`),
    servesStats: options.stats ?? false,
    faults: makeFaults(options.faults ?? {}, world.seed),
    churn: () => {}
  }
  let churn = makeChurn(world, options.churn ?? {})
  if (options.churnInterval === undefined) {
    parts.churn = () => churn.step()
  } else {
    yield* Effect.sync(() => churn.step()).pipe(
      Effect.schedule(Schedule.spaced(options.churnInterval)),
      Effect.forkScoped
    )
  }

  const nodeServer = countingServer(parts.stats, parts.broken)
  const server = yield* HttpRouter.serve(routes(parts), { disableLogger: true, disableListenLog: true }).pipe(
    Layer.provideMerge(
      NodeHttpServer.layer(() => nodeServer, {
        host: options.host ?? "127.0.0.1",
        port: options.port ?? 0,
        disablePreemptiveShutdown: true
      })
    ),
    Layer.provide(Layer.succeed(HttpMiddleware.TracerDisabledWhen, () => true)),
    Layer.build
  )
  // Before the requests are interrupted, which would answer those that hang with 503.
  yield* Effect.addFinalizer(() => closeAtOnce(nodeServer))

  return Simulator.of({
    url: HttpServer.formatAddress(Context.get(server, HttpServer.HttpServer).address),
    apiKey: parts.apiKey,
    world,
    stats: Effect.sync(() => parts.stats.snapshot()),
    mutate: (kind, times = 1) =>
      Effect.sync(() => Array.from({ length: times }, () => world.mutate(kind)).filter((id) => id !== undefined)),
    setFaults: (plan) =>
      Effect.sync(() => {
        parts.faults = makeFaults(plan, world.seed)
      }),
    setChurn: (rates) =>
      Effect.sync(() => {
        churn = makeChurn(world, rates)
      })
  })
})

const closeAtOnce = (server: Server): Effect.Effect<void> =>
  Effect.callback((resume) => {
    server.close(() => resume(Effect.void))
    server.closeAllConnections()
  })

const latencyRange = (latency: Duration.Input | LatencyRange): readonly [number, number] => {
  const { min, max } = isRange(latency) ? latency : { min: latency, max: latency }
  return [Duration.toMillis(min), Duration.toMillis(max)]
}

const isRange = (latency: Duration.Input | LatencyRange): latency is LatencyRange =>
  typeof latency === "object" && "min" in latency
