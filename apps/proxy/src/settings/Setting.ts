/**
 * One setting of `serve`: a flag, a variable of the environment, a default, a row in the README.
 */
import * as Flag from "effect/cli/Flag"
import * as Config from "effect/Config"
import * as Schema from "effect/Schema"

const PREFIX = "HB_SESSIONS_PROXY_"

/** One row of the table of settings. */
export interface SettingRow {
  readonly flag: string
  readonly env: string
  readonly meaning: string
  readonly default: string
}

/** Every setting, for the documents. */
export const rows: Array<SettingRow> = []

/** Makes a setting. The flag goes before the environment, which goes before the default. */
export const setting = <A>(
  name: string,
  options: {
    readonly schema: Schema.Codec<A, string>
    readonly default: string
    readonly meaning: string
    readonly metavar: string
    /** Another name than the one that follows from the flag's. */
    readonly env?: string
    /** What the default is called, if its text does not say. */
    readonly shown?: string
    readonly alias?: string
  }
): Flag.Flag<A> => {
  const env = options.env ?? PREFIX + name.toUpperCase().replaceAll("-", "_")
  const shown = options.shown ?? options.default
  rows.push({ flag: `--${name}`, env, meaning: options.meaning, default: shown })
  const flag = Flag.String(name).pipe(Flag.withMetavar(options.metavar))
  return (options.alias === undefined ? flag : Flag.withAlias(flag, options.alias)).pipe(
    Flag.withDescription(`${options.meaning} (default: ${shown}; env: ${env})`),
    Flag.withSchema(options.schema),
    Flag.withFallbackConfig(Config.schema(options.schema, env)),
    Flag.withDefault(Schema.decodeSync(options.schema)(options.default))
  )
}

/** Makes a setting that is on or off, and off unless something says otherwise; without `env` only the flag does. */
export const onOff = (
  name: string,
  { env, meaning }: { readonly meaning: string; readonly env?: string }
): Flag.Flag<boolean> => {
  rows.push({ flag: `--${name}`, env: env ?? "", meaning, default: "false" })
  const flag = Flag.Boolean(name).pipe(
    Flag.withDescription(`${meaning} (default: false${env === undefined ? "" : `; env: ${env}`})`)
  )
  return (env === undefined ? flag : Flag.withFallbackConfig(flag, Config.Boolean(env))).pipe(Flag.withDefault(false))
}
