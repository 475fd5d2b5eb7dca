/**
 * The defect of options that cannot be used.
 */
import * as Schema from "effect/Schema"

/**
 * An option has a value that its type does not allow, as code without types may give it: a bug of the caller.
 *
 * **Details**
 *
 * Reads and clients die with it before their first request. The promises of `promise` throw a `TypeError` instead.
 */
export class InvalidOptions extends Schema.TaggedError<InvalidOptions>()("InvalidOptions", {
  /** Which option, what it must be, and what it is; never holds a key. */
  detail: Schema.String
}) {
  override get message() {
    return this.detail
  }
}
