/**
 * The active sessions, as the events of the proxy tell of them.
 */
import type { Session } from "@hb-sessions/core/Session"
import { isRecord, sessionsOf, textsIn } from "./api.ts"
import type { ServerEvent } from "./EventParser.ts"
import { numberText } from "./numberText.ts"
import { parseExactly } from "./parseExactly.ts"

/** All that are active, and which came, changed and went since. */
export interface News {
  readonly active: ReadonlyMap<string, Session>
  /** Whether these are all; the proxy follows so many only. */
  readonly isWhole: boolean
  readonly changed: ReadonlyArray<Session>
  /** Those that are known to have ended. */
  readonly gone: ReadonlyArray<string>
}

/** The value of an event's data, by key. */
export const bodyOf = ({ data }: ServerEvent): Readonly<Record<string, unknown>> => {
  const value = parseExactly(data)
  return isRecord(value) ? value : {}
}

const sessionsIn = (value: unknown): ReadonlyArray<Session> =>
  Array.isArray(value) ? sessionsOf(value.map((one) => JSON.stringify(one))) : []

/** What is active, from one event to the next. */
export class ActiveSessions {
  private readonly active = new Map<string, Session>()
  private isWhole = true

  /** How many are active, in words. */
  get text(): string {
    return `Live: ${numberText(this.active.size)} active${this.isWhole ? "" : "; there are more"}.`
  }

  /** Takes an event; undefined for one that tells nothing of sessions. */
  take(event: ServerEvent): News | undefined {
    if (event.event === "snapshot") return this.takeSnapshot(bodyOf(event))
    return event.event === "change" ? this.takeChange(bodyOf(event)) : undefined
  }

  private takeSnapshot(body: Readonly<Record<string, unknown>>): News {
    const sessions = sessionsIn(body["sessions"])
    const now = new Set<string>(sessions.map(({ id }) => id))
    return this.replace(
      body,
      sessions,
      [...this.active.keys()].filter((id) => !now.has(id))
    )
  }

  private takeChange(body: Readonly<Record<string, unknown>>): News {
    const changed = [...sessionsIn(body["added"]), ...sessionsIn(body["changed"])]
    return this.replace(body, changed, textsIn(body["removed"]))
  }

  private replace(
    body: Readonly<Record<string, unknown>>,
    changed: ReadonlyArray<Session>,
    left: ReadonlyArray<string>
  ): News {
    for (const id of left) this.active.delete(id)
    for (const session of changed) this.active.set(session.id, session)
    this.isWhole = body["whole"] !== false
    // What left a list that is not whole may just have got behind its end.
    return { active: new Map(this.active), isWhole: this.isWhole, changed, gone: this.isWhole ? left : [] }
  }
}
