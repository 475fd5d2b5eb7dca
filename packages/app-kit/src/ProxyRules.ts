/**
 * Which requests go through a proxy of the network: `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, as curl reads them.
 */
import * as Effect from "effect/Effect"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { BlockList, isIP } from "node:net"
import { AppError, exitCodes } from "./AppError.ts"

/** What the environment says of proxies. */
export interface ProxyRules {
  /** For `http:` URLs; undefined for none. */
  readonly http: Proxy | undefined
  /** For `https:` URLs; undefined for none. */
  readonly https: Proxy | undefined
  /** The entries of `NO_PROXY`. */
  readonly except: ReadonlyArray<string>
}

/** One proxy; its URL may hold a password. */
export interface Proxy {
  readonly variable: string
  readonly url: Redacted.Redacted
  /** What may be shown: scheme, host and port. */
  readonly origin: string
}

/** Lower case goes before upper case; an empty variable is none. */
const variable = Effect.fnUntraced(function* (name: string) {
  for (const spelled of [name, name.toUpperCase()]) {
    const found = yield* Config.option(Config.Redacted(spelled))
    const value = Option.map(found, (text) => Redacted.value(text).trim())
    if (Option.isSome(value) && value.value !== "") return { name: spelled, value: value.value }
  }
  return undefined
})

/** Reads the environment of the process; fails with the exit code of a usage error where a proxy is no URL. */
export const proxyRules: Effect.Effect<ProxyRules, AppError | Config.ConfigError> = Effect.gen(function* () {
  const none = yield* variable("no_proxy")
  const except = (none?.value ?? "")
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== "")
  if (except.includes("*")) return { http: undefined, https: undefined, except }
  return {
    http: yield* Effect.flatMap(variable("http_proxy"), parse),
    https: yield* Effect.flatMap(variable("https_proxy"), parse),
    except
  }
}).pipe(Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv()))

const SCHEME = /^([a-z][a-z0-9+.-]*):\/\//i

/** The message never quotes the value, which may hold a password. */
const parse = (
  given: { readonly name: string; readonly value: string } | undefined
): Effect.Effect<Proxy | undefined, AppError> => {
  if (given === undefined) return Effect.succeed(given)
  const { name, value } = given
  const scheme = SCHEME.exec(value)?.[1]?.toLowerCase()
  if (scheme !== undefined && scheme !== "http" && scheme !== "https") {
    return invalid(`${name} names a ${scheme} proxy; only http:// and https:// proxies can be used`)
  }
  const text = scheme === undefined ? `http://${value}` : value
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isUsable = url !== undefined && url.hostname !== "" && [url.username, url.password].every(isDecodable)
  return isUsable
    ? Effect.succeed({ variable: name, url: Redacted.make(url.href), origin: url.origin })
    : invalid(`${name} is not the URL of a proxy; write http://host:port or http://user:password@host:port`)
}

const invalid = (message: string) => Effect.fail(new AppError({ message, exitCode: exitCodes.usage }))

const isDecodable = (text: string): boolean => !/%(?![0-9a-f]{2})/i.test(text)

/** The proxy for a URL; undefined where it is to be reached directly. */
export const proxyFor = (rules: ProxyRules, url: URL): Proxy | undefined => {
  const proxy = url.protocol === "https:" ? rules.https : rules.http
  return proxy === undefined || rules.except.some((entry) => isExcepted(entry, url)) ? undefined : proxy
}

const DEFAULT_PORTS: Readonly<Record<string, string>> = { "http:": "80", "https:": "443" }

/** A name stands for itself and all names below it, with or without a dot before it; addresses may be networks. */
const isExcepted = (entry: string, url: URL): boolean => {
  const host = withoutBrackets(url.hostname).replace(/\.$/, "")
  if (isIP(withoutBrackets(entry)) !== 0) return sameAddress(host, withoutBrackets(entry))
  const network = /^\[?([0-9a-f.:]+)\]?\/(\d+)$/.exec(entry)
  if (network !== null) return isWithin(host, network[1] ?? "", Number(network[2]))
  const [, name = "", port] = /^(.*?)(?::(\d+))?$/.exec(entry) ?? []
  if (port !== undefined && port !== (url.port || DEFAULT_PORTS[url.protocol])) return false
  const bare = withoutBrackets(name)
    .replace(/^\*?\./, "")
    .replace(/\.$/, "")
  if (isIP(bare) !== 0) return sameAddress(host, bare)
  return bare !== "" && (host === bare || (isIP(host) === 0 && host.endsWith(`.${bare}`)))
}

const withoutBrackets = (host: string): string => host.replace(/^\[|\]$/g, "")

const family = (address: string) => (isIP(address) === 6 ? "ipv6" : "ipv4")

const sameAddress = (host: string, address: string): boolean => isWithin(host, address, isIP(address) === 6 ? 128 : 32)

const isWithin = (host: string, network: string, prefix: number): boolean => {
  if (isIP(host) === 0 || isIP(host) !== isIP(network) || prefix > (isIP(network) === 6 ? 128 : 32)) return false
  const list = new BlockList()
  list.addSubnet(network, prefix, family(network))
  return list.check(host, family(host))
}
