/**
 * The metrics of requests.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Metric from "effect/Metric"
import type { DecodedPage } from "../SessionPage.ts"
import type { SessionsErrorReason } from "../SessionsError.ts"
import type { Answer, AttemptFailed } from "./attempt.ts"
import { steadyMillis } from "./Pacer.ts"

const requests = Metric.counter("hb_sessions_requests", {
  description: "Requests sent, by the status of their answer",
  incremental: true
})

/** Each with its attributes once: to make their key anew costs more than to count. */
const byStatus = new Map<string, Metric.Counter<number>>()

const requestsOf = (status: string): Metric.Counter<number> => {
  const known = byStatus.get(status)
  if (known !== undefined) return known
  const counter = Metric.withAttributes(requests, { status })
  byStatus.set(status, counter)
  return counter
}

/** Requests that were not the first for their page. */
export const retries = Metric.counter("hb_sessions_request_retries", {
  description: "Requests that repeated an earlier one",
  incremental: true
})

/** Retries that a budget did not allow. */
export const retriesDenied = Metric.counter("hb_sessions_request_retries_denied", {
  description: "Retries that were not made because a retry budget was spent",
  incremental: true
})

const seconds = Metric.histogram("hb_sessions_request_duration_seconds", {
  description: "Time from sending a request to the end of its answer, in seconds",
  boundaries: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
})

const ignored = Metric.counter("hb_sessions_values_ignored", {
  description: "Values without a meaning, by their path in a session; those of pages read again included",
  incremental: true
})

const unreadable = Metric.counter("hb_sessions_rows_unreadable", {
  description: "Rows without a usable id, by why; those of pages read again included",
  incremental: true
})

/** Counts what was not as it should be on a page. */
export const countNotes = ({ ignoredValues = {}, unreadableRows = [] }: DecodedPage): Effect.Effect<void> =>
  Effect.andThen(
    Effect.forEach(Object.entries(ignoredValues), ([path, count]) =>
      Metric.update(Metric.withAttributes(ignored, { path }), count)
    ),
    Effect.forEach(unreadableRows, ({ reason }) => Metric.update(Metric.withAttributes(unreadable, { reason }), 1), {
      discard: true
    })
  )

/** Counts one attempt and its time. */
export const measured = (attempt: Effect.Effect<Answer, AttemptFailed>): Effect.Effect<Answer, AttemptFailed> =>
  Effect.flatMap(steadyMillis, (start) =>
    Effect.onExit(attempt, (exit) =>
      Effect.flatMap(steadyMillis, (end) =>
        Effect.andThen(Metric.update(requestsOf(statusOf(exit)), 1), Metric.update(seconds, (end - start) / 1000))
      )
    )
  )

/** The status of the answer, or why there was none. */
const statusOf = (exit: Exit.Exit<Answer, AttemptFailed>): string => {
  if (Exit.isSuccess(exit)) return String(exit.value.status)
  const failed = exit.cause.reasons.find((reason) => reason._tag === "Fail")
  return failed === undefined ? "interrupted" : statusOfReason(failed.error.reason)
}

const statusOfReason = (reason: SessionsErrorReason): string => {
  switch (reason._tag) {
    case "RateLimited":
      return "429"
    case "PaymentRequired":
      return "402"
    case "UpstreamUnavailable":
      return reason.status === undefined ? reason.kind : String(reason.status)
    default:
      return "status" in reason ? String(reason.status) : reason._tag
  }
}
