/**
 * What is the same each time that a body is sent: its headers, and a text in its place.
 *
 * Made anew for each answer it would cost as much as all else that the proxy does for one. It is not counted with the
 * cache, so it is kept for the few bodies that are sent most.
 */
import type { Coding } from "../http/AcceptEncoding.ts"
import { tagOf } from "../http/ContentCoding.ts"
import type { HeaderList } from "../http/Exchange.ts"

/** Bytes up to which a body is sent as a text: Node sends that with the head in one piece, and bytes apart from it. */
const SMALL = 16_384
/** Bodies for which it is kept. */
const MOST = 128
/** One of so many answers with another body makes that one of them: what is sent often soon is. */
const ONE_OF = 16

interface Head {
  readonly etag: string
  readonly notModified: HeaderList
  full: HeaderList | undefined
}

interface Text {
  readonly body: Buffer
  readonly text: string
}

/** What there is of a body in one coding. */
interface Form {
  head: Head | undefined
  text: Text | undefined
}

/** What the headers depend on: they are made anew when it changes. */
export interface Version {
  readonly state: string
  /** How long the answer is fresh, and how old it is, in seconds. */
  readonly fresh: number
  readonly age: number
}

/** What is sent beside a body. */
export class Prepared {
  private readonly etag: string
  private readonly contentType: string
  private headers: HeaderList
  private version: Version | undefined
  /** Of the body as it is: it is sent most, and need not be looked up. */
  private readonly plain: Form = { head: undefined, text: undefined }
  private readonly coded = new Map<Coding, Form>()
  /** Whether it is one of those that are kept. */
  isKept = false

  /** `etag` is that of the body as it is; `headers` are all but those of the coding and the body. */
  constructor(etag: string, contentType: string, headers: HeaderList = []) {
    this.etag = etag
    this.contentType = contentType
    this.headers = headers
  }

  /** Sets the headers, unless they are those of this version already. */
  update(version: Version, headers: () => HeaderList): void {
    const { version: known } = this
    if (
      known !== undefined &&
      known.age === version.age &&
      known.fresh === version.fresh &&
      known.state === version.state
    ) {
      return
    }
    this.version = version
    this.headers = headers()
    this.plain.head = undefined
    for (const form of this.coded.values()) form.head = undefined
  }

  /** One of its own for an answer that waits, with the headers of now. */
  copy(): Prepared {
    return new Prepared(this.etag, this.contentType, this.headers)
  }

  /** The tag of the body in a coding. */
  tag(coding: Coding | undefined): string {
    return this.head(coding).etag
  }

  /** The headers of 304. */
  notModified(coding: Coding | undefined): HeaderList {
    return this.head(coding).notModified
  }

  /** The headers of 200. */
  full(coding: Coding | undefined, { length }: Buffer): HeaderList {
    const head = this.head(coding)
    return (head.full ??= [
      ...head.notModified,
      "content-type",
      this.contentType,
      ...(coding === undefined ? [] : ["content-encoding", coding]),
      "content-length",
      String(length)
    ])
  }

  /** The body, in Latin-1 if it is small. */
  text(coding: Coding | undefined, body: Buffer): string | Buffer {
    if (body.length > SMALL) return body
    const form = this.form(coding)
    if (form.text?.body === body) return form.text.text
    const text = body.toString("latin1")
    form.text = { body, text }
    return text
  }

  /** Forgets all that takes room: others are kept now. */
  forget(): void {
    this.isKept = false
    this.version = undefined
    this.headers = []
    this.plain.head = undefined
    this.plain.text = undefined
    this.coded.clear()
  }

  private head(coding: Coding | undefined): Head {
    const form = this.form(coding)
    if (form.head !== undefined) return form.head
    const etag = tagOf(this.etag, coding)
    return (form.head = { etag, notModified: ["etag", etag, ...this.headers], full: undefined })
  }

  private form(coding: Coding | undefined): Form {
    if (coding === undefined) return this.plain
    const found = this.coded.get(coding)
    if (found !== undefined) return found
    const made: Form = { head: undefined, text: undefined }
    this.coded.set(coding, made)
    return made
  }
}

const kept: Array<Prepared> = []
let oldest = 0

/** Keeps it in the place of the one that has been kept for longest, now and then. */
export const keepNowAndThen = (prepared: Prepared): void => {
  if (Math.random() * ONE_OF >= 1) return
  kept[oldest]?.forget()
  kept[oldest] = prepared
  oldest = (oldest + 1) % MOST
  prepared.isKept = true
}
