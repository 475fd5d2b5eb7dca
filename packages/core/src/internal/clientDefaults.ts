/**
 * What the settings of a client are without any, whether it is made from options or from configuration.
 */
export const clientDefaults = {
  attemptTimeout: "30 seconds",
  totalTimeout: "5 minutes",
  retries: 5,
  maxRetryAfter: "1 minute",
  /** 16 MiB: a hundred times a page of 100 sessions. */
  maxBodyBytes: 16_777_216
} as const
