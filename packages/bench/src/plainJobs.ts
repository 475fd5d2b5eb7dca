/**
 * The jobs of a plain queue of pg-boss, for the workers of `plainWorker.ts`.
 */

export const PLAIN_QUEUE = "export"

export interface PlainJob {
  readonly account: string
}
