/**
 * The list of sessions, how it changes, and how a page of it is answered. Pure data: no clock, no network.
 */
import type { SessionPage } from "@hb-sessions/core/SessionPage"
import { RowOrder } from "./internal/RowOrder.ts"
import { makeRng } from "./Rng.ts"
import {
  defaults,
  type GeneratorOptions,
  makeGenerator,
  type SessionFacts,
  type SessionRecord,
  sessionStatuses,
  type SimulatedStatus
} from "./SessionGenerator.ts"
import { defaultVariants, varyRecord, type Variants } from "./Variants.ts"

/** The orders that the list can have. */
export const listOrders = ["created-desc", "created-asc", "updated-desc"] as const
export type ListOrder = (typeof listOrders)[number]

/**
 * The ways in which the list can change.
 *
 * - `start`: a new active session appears.
 * - `end`: some active session ends; it becomes `closed`, `error` or `close-error`.
 * - `purge`: the oldest session leaves the list for good.
 * - `update`: some session gets a new `updatedAt`, which under `updated-desc` moves it to the head.
 */
export const mutationKinds = ["start", "end", "purge", "update"] as const
export type MutationKind = (typeof mutationKinds)[number]

/** What the list contains at the start, and its order. */
export interface WorldOptions extends GeneratorOptions {
  /** Default `created-desc`. */
  readonly order?: ListOrder | undefined
}

/** A list of sessions that changes only through `mutate`. */
export interface World {
  readonly seed: string
  readonly order: ListOrder
  /** Sessions in the list, or those of one status; 0 for a status that no session has. */
  readonly total: (status?: string) => number
  /** Up to `count` sessions after the first `offset` of the list, or of those of one status. */
  readonly slice: (offset: number, count: number, status?: string) => ReadonlyArray<SessionRecord>
  /** The ids of the whole list in order, or of the sessions of one status. */
  readonly ids: (status?: string) => ReadonlyArray<string>
  /**
   * Changes the list and moves its clock on by a second; returns the id of the session, or undefined when there was
   * none to change. Equal worlds that are changed in equal ways stay equal.
   */
  readonly mutate: (kind: MutationKind) => string | undefined
  /** The clock of the list, epoch milliseconds. */
  readonly now: () => number
  /** How many changes of each kind there have been. */
  readonly mutations: () => Readonly<Record<MutationKind, number>>
}

const TICK = 1000

/** Makes a list of sessions; equal options make equal lists. */
export const makeWorld = (options: WorldOptions = {}): World => {
  const seed = options.seed ?? defaults.seed
  const order = options.order ?? "created-desc"
  const generated = options.sessions ?? defaults.sessions
  const generator = makeGenerator(options)
  const rng = makeRng(`${seed}/changes`)
  const changed = new Map<number, SessionFacts>()
  const mutations: Record<MutationKind, number> = { start: 0, end: 0, purge: 0, update: 0 }
  let now = options.epoch ?? defaults.epoch
  let draws = 0
  let nextSerial = generated
  let oldest = 0

  const factsOf = (serial: number) => changed.get(serial) ?? generator.factsOf(serial)
  const rows = new RowOrder(
    initialOrder(generated, order === "updated-desc" ? (serial) => generator.factsOf(serial).updatedAt : undefined),
    (serial) => codeOf(generator.statusOf(serial))!,
    sessionStatuses.length
  )

  const serialAt = (index: number, status?: number): number =>
    rows.at(order === "created-asc" ? index : rows.count(status) - 1 - index, status)

  const slice = (offset: number, count: number, status?: string): ReadonlyArray<SessionRecord> => {
    const records: Array<SessionRecord> = []
    const code = status === undefined ? undefined : codeOf(status)
    if (status !== undefined && code === undefined) return records
    const end = Math.min(offset + count, rows.count(code))
    for (let index = Math.max(0, offset); index < end; index++) {
      const serial = serialAt(index, code)
      records.push(generator.recordOf(serial, factsOf(serial)))
    }
    return records
  }

  const total = (status?: string): number => {
    const code = status === undefined ? undefined : codeOf(status)
    return status !== undefined && code === undefined ? 0 : rows.count(code)
  }

  const ids = (status?: string): ReadonlyArray<string> => {
    const code = status === undefined ? undefined : codeOf(status)
    return Array.from({ length: total(status) }, (_, index) => generator.idOf(serialAt(index, code)))
  }

  /** Some row, all equally likely. */
  const draw = (status?: SimulatedStatus): number | undefined => {
    const code = status === undefined ? undefined : codeOf(status)
    const count = rows.count(code)
    return count === 0 ? undefined : rows.at(rng.below(count, draws++, 1), code)
  }

  const touch = (serial: number, facts: SessionFacts): void => {
    changed.set(serial, facts)
    if (order === "updated-desc") rows.moveToEnd(serial)
  }

  const changes: Record<MutationKind, () => number | undefined> = {
    start: () => {
      const serial = nextSerial++
      rows.append(serial, codeOf("active")!)
      changed.set(serial, { status: "active", createdAt: now - 600, startTime: now, endTime: null, updatedAt: now })
      return serial
    },
    end: () => {
      const serial = draw("active")
      if (serial === undefined) return undefined
      const facts = factsOf(serial)
      const status = generator.endStatusOf(serial)
      rows.setStatus(serial, codeOf(status)!)
      const startTime = facts.startTime ?? facts.createdAt
      touch(serial, { ...facts, status, startTime, endTime: now, updatedAt: now })
      return serial
    },
    purge: () => {
      while (oldest < nextSerial && rows.status(oldest) === undefined) oldest++
      if (oldest === nextSerial) return undefined
      rows.remove(oldest)
      changed.delete(oldest)
      return oldest
    },
    update: () => {
      const serial = draw()
      if (serial !== undefined) touch(serial, { ...factsOf(serial), updatedAt: now })
      return serial
    }
  }

  const mutate = (kind: MutationKind): string | undefined => {
    now += TICK
    const serial = changes[kind]()
    if (serial === undefined) return undefined
    mutations[kind] += 1
    return generator.idOf(serial)
  }

  return { seed, order, total, slice, ids, mutate, now: () => now, mutations: () => ({ ...mutations }) }
}

/** The query of one page, all of it optional. */
export interface PageQuery {
  /** 1-based; 1 when absent. */
  readonly page?: number | undefined
  readonly status?: string | undefined
  /** Sessions a page; see `Variants.maxLimit`. */
  readonly limit?: number | undefined
}

/** The answer to the query of a page: HTTP status and body. */
export type PageAnswer =
  | { readonly status: 200; readonly body: typeof SessionPage.Encoded }
  | { readonly status: 400; readonly body: { readonly message: string } }

/**
 * Answers the query of a page.
 *
 * **Details**
 *
 * `churn` is run once: before anything is read, or, when `totalRead` is `before` or `after`, between the reading of
 * `totalCount` and that of the rows. Without it the list is only read.
 */
export const servePage = (
  world: World,
  query: PageQuery = {},
  options: Partial<Variants> = {},
  churn: () => void = () => {}
): PageAnswer => {
  const variants = { ...defaultVariants, ...options }
  const { status } = query
  const requested = query.page ?? 1
  const pageSize = variants.ignoreLimit
    ? variants.pageSize
    : Math.min(query.limit ?? variants.pageSize, Math.max(variants.maxLimit, variants.pageSize))

  if (variants.totalRead === "atomic") churn()
  const before = world.total(status)
  if (variants.totalRead === "before") churn()

  const lastPage = Math.max(1, Math.ceil(world.total(status) / pageSize))
  const isPastEnd = requested > lastPage
  if (isPastEnd && variants.pastEnd === "error") {
    if (variants.totalRead === "after") churn()
    return {
      status: 400,
      body: { message: `Invalid query parameter page: ${requested} is past the last page, ${lastPage}` }
    }
  }
  const page = isPastEnd && variants.pastEnd === "clamp" ? lastPage : requested
  const sessions = world.slice((page - 1) * pageSize, pageSize, status).map((record) => varyRecord(record, variants))

  if (variants.totalRead === "after") churn()
  const totalCount = variants.totalRead === "after" ? world.total(status) : before
  return {
    status: 200,
    body: {
      sessions,
      totalCount,
      page: page - 1 + variants.firstPage,
      ...(variants.pageSizeField === "none" ? {} : { [variants.pageSizeField]: pageSize }),
      ...(variants.extraFields ? { hasMore: page < lastPage } : {})
    }
  }
}

const codes = new Map<string, number>(sessionStatuses.map((status, code) => [status, code]))

const codeOf = (status: string): number | undefined => codes.get(status)

/** The serials from the end of the list to its head: by number, or by a time and then by number. */
const initialOrder = (count: number, timeOf: ((serial: number) => number) | undefined): Int32Array => {
  const serials = Int32Array.from({ length: count }, (_, serial) => serial)
  if (timeOf === undefined) return serials
  const times = Float64Array.from(serials, timeOf)
  return serials.toSorted((a, b) => times[a]! - times[b]! || a - b)
}
