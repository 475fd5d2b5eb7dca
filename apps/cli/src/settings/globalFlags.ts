/**
 * The flags that every command takes.
 */
import { flagOf } from "@hb-sessions/app-kit/Setting"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import { settings } from "./settings.ts"

export const profile = GlobalFlag.Setting("profile")({
  flag: Flag.String("profile").pipe(
    Flag.withMetavar("<name>"),
    Flag.withDescription(
      'Use the settings and the key of this profile (default: HB_SESSIONS_PROFILE, or else "default")'
    ),
    Flag.optional
  )
})

export const baseUrl = GlobalFlag.Setting("base-url")({
  flag: flagOf("baseUrl", settings.baseUrl)
})

export const quiet = GlobalFlag.Setting("quiet")({
  flag: Flag.Boolean("quiet").pipe(
    Flag.withAlias("q"),
    Flag.withDescription("Print nothing on stderr but errors (default: off)"),
    Flag.withDefault(false)
  )
})

export const verbose = GlobalFlag.Setting("verbose")({
  flag: Flag.Boolean("verbose").pipe(
    Flag.withDescription("Print requests, retries and the report of the read on stderr (default: off)"),
    Flag.withDefault(false)
  )
})

export const logFormats = ["text", "json"] as const

export const logFormat = GlobalFlag.Setting("log-format")({
  flag: Flag.Literals("log-format", logFormats).pipe(
    Flag.withDescription("Format of messages on stderr (default: text)"),
    Flag.optional
  )
})

export const globalFlags = [profile, baseUrl, quiet, verbose, logFormat] as const
