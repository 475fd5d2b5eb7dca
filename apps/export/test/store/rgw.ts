import { Effect, type Scope } from "effect"
import type { TestStore } from "./stores.ts"
export const start: Effect.Effect<TestStore, never, Scope.Scope> = Effect.succeed({
  endpoint: "http://127.0.0.1:17480",
  bucket: "bucket",
  environment: { AWS_ACCESS_KEY_ID: "AK", AWS_SECRET_ACCESS_KEY: "SK", AWS_REGION: "us-east-1" }
})
