/**
 * Launch options of a generated session: every option of the contract, each of them true, false or absent.
 */
import type { LaunchState } from "@hb-sessions/core/LaunchState"
import type { Rng } from "../Rng.ts"

type Encoded = typeof LaunchState.Encoded

const Field = { presence: 40, flags: 41, moreFlags: 42, screen: 43, profile: 44, profileId: 45, staticIpId: 46 }

const flags = [
  "useUltraStealth",
  "useStealth",
  "useProxy",
  "solveCaptchas",
  "adblock",
  "trackers",
  "annoyances",
  "enableWebRecording",
  "enableVideoWebRecording",
  "enableLogCapture",
  "acceptCookies",
  "saveDownloads",
  "enableWindowManager",
  "enableWindowManagerTaskbar",
  "viewOnlyLiveView",
  "disablePasswordManager",
  "enableAlwaysOpenPdfExternally",
  "disablePostQuantumKeyAgreement"
] as const

const screens = [
  { width: 1280, height: 720 },
  { width: 1920, height: 1080 },
  { width: 1440, height: 900 },
  { width: 390, height: 844 },
  { width: 1366 },
  {}
]

/** Draws the launch options of a way to launch a browser: null for some, undefined (to be left out) for a few. */
export const generateLaunchState = (rng: Rng, setup: number): Encoded | null | undefined => {
  const presence = rng.below(50, setup, Field.presence)
  if (presence < 2) return null
  if (presence === 2) return undefined
  const state: { -readonly [K in keyof Encoded]: Encoded[K] } = {}
  const words = [rng.word(setup, Field.flags), rng.word(setup, Field.moreFlags)]
  for (const [index, flag] of flags.entries()) {
    const draw = (words[index >> 4]! >>> ((index & 15) * 2)) & 3
    if (draw !== 0) state[flag] = draw === 1
  }
  if (state.solveCaptchas === true && presence % 2 === 0) state.solverType = "visual"
  const screen = screens[rng.below(screens.length + 2, setup, Field.screen)]
  if (screen !== undefined) state.screen = screen
  const profile = rng.below(9, setup, Field.profile)
  if (profile < 3) {
    state.profile = {
      id: rng.uuid(setup, Field.profileId),
      ...(profile > 0 ? { persistChanges: profile === 1 } : {}),
      ...(profile === 1 ? { persistNetworkCache: presence % 3 === 0 } : {})
    }
  }
  if (rng.below(8, setup, Field.staticIpId) === 0) state.staticIpId = rng.uuid(setup, Field.staticIpId)
  return state
}
