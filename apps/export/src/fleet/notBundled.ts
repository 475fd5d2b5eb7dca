/**
 * In the place of what pg-boss imports for its own schedules, which a fleet does not use, in the bundle.
 */
const absent = (): never => {
  throw new Error("the schedules of pg-boss are not part of this program")
}

export const CronExpressionParser = { parse: absent }
export const RRuleTemporal = absent
