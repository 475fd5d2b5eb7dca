/**
 * The simulator in a process of its own, so that its work is not counted as the client's.
 */
import * as Bin from "@hb-sessions/app-kit/Bin"
import { defaultApiKey } from "@hb-sessions/simulator/Simulator"
import * as Effect from "effect/Effect"
import { fileURLToPath } from "node:url"

const simulator = fileURLToPath(new URL("./bin.ts", import.meta.resolve("@hb-sessions/simulator/Simulator")))

/** Runs `use` with the URL of a simulator that was started with the given flags. */
export const withUpstream = <A>(
  flags: ReadonlyArray<string>,
  use: (upstream: { readonly url: string; readonly apiKey: string }) => Promise<A>
): Promise<A> =>
  Effect.scoped(
    Effect.gen(function* () {
      const started = yield* Bin.start(simulator, ["--port", "0", ...flags]).pipe(
        Effect.catch(({ stderr }) => Effect.die(new Error(`the simulator did not start: ${stderr}`)))
      )
      const { url } = JSON.parse(started.firstLine) as { readonly url: string }
      return yield* Effect.promise(() => use({ url, apiKey: defaultApiKey }))
    })
  ).pipe(Effect.runPromise)
