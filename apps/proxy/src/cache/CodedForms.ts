/**
 * A body and its compressed forms: each is made once, when it is first asked for, and kept beside the body.
 */
import type { Accepted, Coding } from "../http/AcceptEncoding.ts"
import { compress } from "../http/ContentCoding.ts"

/** Bytes below which a body is not compressed: it fits into one packet as it is. */
const SMALLEST = 1024
/** Bytes that a form takes beside its own: the owner of a buffer outside of the heap, and its place. */
const FORM_COST = 320
/** Bodies that are compressed at a time: the threads are also there for names and files. */
const MOST_AT_WORK = 2
/** Bodies that wait for that; beyond it a client gets what is there, unless it excludes it. */
const MOST_WAITING = 64

/** What waits for a form; there is none when it could not be made, for want of memory, say. */
type Receive = (form: Buffer | undefined) => void

/** What is made of a body. */
interface Form {
  /** Undefined while it is being made, and where it is of no use. */
  body: Buffer | undefined
  /** Whether it is no smaller than the body, or there is no room for it. */
  isUseless: boolean
  readonly waiting: Array<Receive>
}

const jobs: Array<() => void> = []
let atWork = 0

const begin = (): void => {
  while (atWork < MOST_AT_WORK) {
    const job = jobs.shift()
    if (job === undefined) return
    atWork += 1
    job()
  }
}

/**
 * The compressed forms of one body.
 *
 * **Details**
 *
 * A form that is no smaller than the body, or that has no room, is not kept, and not made again: the body is sent
 * instead, except to a client that excludes it.
 */
export class CodedForms {
  private readonly forms: Partial<Record<Coding, Form>> = {}
  private cost = 0

  /** Takes over the forms of the same body. */
  static readonly from = (other: CodedForms): { readonly forms: CodedForms; readonly cost: number } => {
    const forms = new CodedForms()
    for (const coding of codings) {
      const form = other.forms[coding]
      if (form !== undefined && (form.body !== undefined || form.isUseless)) forms.forms[coding] = form
    }
    forms.cost = other.cost
    return { forms, cost: forms.cost }
  }

  /** The coding to send a body in: the one that the client prefers, unless it is better off without. */
  choose(body: Buffer, { coding, takesPlain }: Accepted): Coding | undefined {
    if (coding === undefined || !takesPlain) return coding
    const form = this.forms[coding]
    if (body.length < SMALLEST || form?.isUseless === true) return undefined
    return form === undefined && jobs.length >= MOST_WAITING ? undefined : coding
  }

  /**
   * Hands over a form: at once if it is there, else as soon as it is made.
   *
   * `keep` is asked for room for what was made; it is told how many bytes that takes.
   */
  take(body: Buffer, coding: Coding, keep: (bytes: number) => boolean, receive: Receive): void {
    const found = this.forms[coding]
    if (found?.body !== undefined) return receive(found.body)
    if (found !== undefined && !found.isUseless) return void found.waiting.push(receive)
    const form: Form = { body: undefined, isUseless: false, waiting: [receive] }
    this.forms[coding] = form
    jobs.push(() =>
      compress(coding, body, (error, coded) => {
        atWork -= 1
        begin()
        if (error === null) this.keep(form, body, coded, keep)
        else Reflect.deleteProperty(this.forms, coding)
        for (const waiting of form.waiting.splice(0)) waiting(error === null ? coded : undefined)
      })
    )
    begin()
  }

  private keep(form: Form, body: Buffer, coded: Buffer, hasRoom: (bytes: number) => boolean): void {
    const cost = FORM_COST + (coded.length < body.length ? coded.length : 0)
    const isKept = hasRoom(cost)
    if (isKept) this.cost += cost
    if (isKept && coded.length < body.length) form.body = exact(coded)
    else form.isUseless = true
  }
}

const codings = ["zstd", "br", "gzip"] as const satisfies ReadonlyArray<Coding>

/** In no pool and no larger buffer: what is kept costs what it says. */
const exact = (coded: Buffer): Buffer => {
  if (coded.buffer.byteLength === coded.length) return coded
  const copy = Buffer.allocUnsafeSlow(coded.length)
  copy.set(coded)
  return copy
}
