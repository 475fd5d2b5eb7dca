/**
 * Points in time as people and programs give them: the bounds of a read.
 *
 * Strict where `Timestamp`, which reads what a server has sent, is tolerant: a bound that means another time than its
 * author had in mind leaves out sessions silently.
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { readTime } from "./internal/readTime.ts"

/** The forms that `parseTime` takes. */
const forms = "ISO 8601 such as 2026-01-31T09:30:00Z, or epoch milliseconds such as 1769851800000"

/** A text is no time, or names one that is hardly meant. */
export class InvalidTime extends Schema.TaggedError<InvalidTime>()("InvalidTime", {
  /** What is wrong, and what was probably meant; absent when the text resembles no time. Does not quote all of the text. */
  problem: Schema.optionalKey(Schema.String)
}) {
  override get message() {
    return `${this.problem ?? "it is not a time"}; give ${forms}`
  }
}

/**
 * Reads a bound of time as epoch milliseconds.
 *
 * **Details**
 *
 * Takes ISO 8601 from the year 1900 on (a month, a date, or a date and time with `Z`, an offset or neither; what is not
 * said is UTC), and epoch milliseconds of 12 or 13 digits, or 0. Digits below a millisecond are dropped. Everything else
 * fails with `InvalidTime`: seconds, days and hours that do not exist, leap seconds.
 */
export const parseTime = (text: string): Result.Result<number, InvalidTime> => {
  const read = readTime(text)
  return typeof read === "number"
    ? Result.succeed(read)
    : Result.fail(new InvalidTime(read.problem === undefined ? {} : { problem: read.problem }))
}
