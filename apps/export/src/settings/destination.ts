/**
 * The destination that `--out` names.
 */
import { configOfAll } from "@hb-sessions/app-kit/Setting"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Struct from "effect/Struct"
import { orDiskError } from "../exitCodes.ts"
import { Destination } from "../publish/Destination.ts"
import * as LocalDirectory from "../publish/LocalDirectory.ts"
import { HEARTBEAT } from "../publish/Staging.ts"
import * as ObjectStore from "../publish/store/ObjectStore.ts"
import { orAppError } from "../s3/S3Error.ts"
import { S3Client } from "../s3/S3Client.ts"
import { isS3, parse } from "../s3/S3Location.ts"
import { outConfig, usage } from "./configs.ts"
import { compactSettings } from "./runSettings.ts"
import { transport } from "./transport.ts"

/** A busy machine may show activity late. */
const LEAST_SILENCE = 3 * Duration.toMillis(HEARTBEAT)

/** How long a run without activity keeps a destination unless `--take-over-after` says otherwise. */
export const Silence = Context.Reference("@hb-sessions/export/Silence", {
  defaultValue: () => ({
    /** The lock of a directory ends with its process; only a frozen process is waited for. */
    directory: Duration.minutes(10),
    /** A lease outlives a run that was killed. */
    store: Duration.minutes(1)
  })
})

/** Provides the destination of `--out`. */
export const layerDestination = Layer.effect(
  Destination,
  Effect.gen(function* () {
    const out = yield* outConfig
    const silence = yield* Silence
    const { takeOverAfter = isS3(out) ? silence.store : silence.directory, workDir: workDirectory } =
      yield* configOfAll(Struct.pick(compactSettings, ["takeOverAfter", "workDir"]))
    if (Duration.toMillis(takeOverAfter) < LEAST_SILENCE) {
      return yield* usage(
        `--take-over-after must be at least ${Duration.format(Duration.millis(LEAST_SILENCE))}: a run shows activity every ${Duration.format(HEARTBEAT)}, and would lose the lock while it works; give a longer time`
      )
    }
    if (!isS3(out)) {
      if (workDirectory !== undefined) {
        return yield* usage("--work-dir applies to s3:// only; a run works in the directory that it publishes to")
      }
      return yield* LocalDirectory.make({ directory: out, takeOverAfter })
    }
    const client = S3Client.layer(yield* parse(out)).pipe(Layer.provide(transport))
    const context = yield* orAppError(Layer.build(client))
    return yield* orDiskError(Effect.provideContext(ObjectStore.make({ workDirectory, takeOverAfter }), context))
  })
)
