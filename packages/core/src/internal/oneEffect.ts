/**
 * Whether the program and this package use the same copy of `effect`.
 */
import * as Effect from "effect/Effect"
import { getCurrentVersion } from "effect/Version"

/**
 * Dies with what to do when the running fiber was made by another copy of `effect` than the one that is imported here.
 *
 * Effects of one copy run on another, but a `Redacted` of one is empty for the other, and so is all that a copy keeps in
 * maps of its own: the failure would come later, and say nothing.
 */
export const oneEffect: Effect.Effect<void> = Effect.withFiber((fiber) =>
  fiber.constructor === Effect.runFork(Effect.void).constructor ? Effect.void : Effect.die(new Error(message()))
)

const message = (): string =>
  `Two copies of effect are loaded: @hb-sessions/core imports ${getCurrentVersion()}, and the program runs on another ` +
  "one. They share no secrets and no services' state. Install one version that suits both; `npm ls effect` shows who " +
  "asks for which."
