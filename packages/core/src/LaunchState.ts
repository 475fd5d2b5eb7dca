/**
 * The options a session's browser was launched with, as the API returns them.
 *
 * Source: the vendor's contract of `GET /api/sessions`. The contract requires no field, so every one may be absent;
 * keys that the contract does not name are kept as they came.
 */
import * as Schema from "effect/Schema"

const unknownKeys = [Schema.Record(Schema.String, Schema.Unknown)] as const

const Flag = Schema.optionalKey(Schema.Boolean)

/** Schema for the screen of a session's browser. */
export const ScreenConfig = Schema.StructWithRest(
  Schema.Struct({
    width: Schema.optionalKey(Schema.Finite.annotate({ default: 1280 })).annotateKey({
      description: "Width in pixels; 1280 when absent"
    }),
    height: Schema.optionalKey(Schema.Finite.annotate({ default: 720 })).annotateKey({
      description: "Height in pixels; 720 when absent"
    })
  }),
  unknownKeys
).annotate({ identifier: "ScreenConfig" })
export type ScreenConfig = typeof ScreenConfig.Type

/** Schema for the browser profile that a session used. */
export const SessionProfile = Schema.StructWithRest(
  Schema.Struct({
    id: Schema.optionalKey(Schema.String),
    persistChanges: Flag.annotateKey({ description: "Whether changes are saved to the profile when the session ends" }),
    persistNetworkCache: Flag.annotateKey({
      description: "Whether the HTTP cache is saved along with the profile's changes"
    })
  }),
  unknownKeys
).annotate({ identifier: "CreateSessionProfile" })
export type SessionProfile = typeof SessionProfile.Type

/** Schema for a CAPTCHA solver mode; a mode that the contract does not know is kept as text. */
export const SolverType = Schema.Union([Schema.Literal("visual"), Schema.StringForLiteralAutocomplete])
export type SolverType = typeof SolverType.Type

/** Schema for the launch options of one session. */
export const LaunchState = Schema.StructWithRest(
  Schema.Struct({
    useUltraStealth: Flag,
    useStealth: Flag,
    useProxy: Flag,
    solveCaptchas: Flag,
    solverType: Schema.optionalKey(SolverType).annotateKey({
      description: "CAPTCHA solver mode; `visual` solves reCAPTCHA from its picture"
    }),
    adblock: Flag,
    trackers: Flag,
    annoyances: Flag,
    screen: Schema.optionalKey(ScreenConfig),
    enableWebRecording: Flag,
    enableVideoWebRecording: Flag,
    enableLogCapture: Flag,
    acceptCookies: Flag,
    profile: Schema.optionalKey(SessionProfile),
    staticIpId: Schema.optionalKey(Schema.String),
    saveDownloads: Flag,
    enableWindowManager: Flag,
    enableWindowManagerTaskbar: Flag,
    viewOnlyLiveView: Flag,
    disablePasswordManager: Flag,
    enableAlwaysOpenPdfExternally: Flag,
    disablePostQuantumKeyAgreement: Flag
  }),
  unknownKeys
).annotate({ identifier: "SessionLaunchState" })
export type LaunchState = typeof LaunchState.Type
