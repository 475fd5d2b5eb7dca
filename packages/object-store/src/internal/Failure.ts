/**
 * Failures in the words of S3.
 */

/** A failure that the client is answered with. */
export class Failure extends Error {
  override readonly name = "Failure"
  readonly status: number
  readonly code: string
  /** Further elements of the answer, such as the region that was expected. */
  readonly details: Readonly<Record<string, string>>
  constructor(status: number, code: string, message: string, details: Readonly<Record<string, string>> = {}) {
    super(message)
    this.status = status
    this.code = code
    this.details = details
  }
}

export const noSuchKey = (key: string): Failure =>
  new Failure(404, "NoSuchKey", "The specified key does not exist.", { Key: key })

export const noSuchUpload = (): Failure =>
  new Failure(404, "NoSuchUpload", "The specified upload does not exist. It may have been aborted or completed.")

export const preconditionFailed = (condition: string): Failure =>
  new Failure(412, "PreconditionFailed", "At least one of the preconditions you specified did not hold.", {
    Condition: condition
  })

export const invalidArgument = (message: string): Failure => new Failure(400, "InvalidArgument", message)

export const malformedXml = (): Failure =>
  new Failure(400, "MalformedXML", "The XML that you provided was not well formed or did not validate.")

export const notImplemented = (what: string): Failure =>
  new Failure(501, "NotImplemented", `A header or parameter that you provided is not implemented: ${what}`)
