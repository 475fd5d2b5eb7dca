/**
 * Whose address a request has, behind proxies that are trusted and others.
 */
import { assert, describe, it, layer } from "@effect/vitest"
import { Simulator } from "@hb-sessions/simulator/Simulator"
import { Effect, Schema } from "effect"
import type { IncomingMessage } from "node:http"
import * as ClientAddress from "../src/http/ClientAddress.ts"
import * as IpAddress from "../src/http/IpAddress.ts"
import { get, start } from "./support/Proxy.ts"
import { Proxies } from "../src/settings/SettingValues.ts"

const trusted = ["127.0.0.1", "10.0.0.0/8", "2001:db8:1::/48", "::1", "unix"]

const from = (
  header: ClientAddress.ForwardedHeader,
  sent: string | ReadonlyArray<string>,
  peer: string | null = "10.1.2.3",
  list: ReadonlyArray<string> = trusted
) =>
  ClientAddress.make({ trusted: list, header })({
    headers: { [header]: Array.isArray(sent) ? [...sent] : sent },
    socket: { remoteAddress: peer ?? undefined, destroyed: false }
  } as unknown as IncomingMessage)

describe("X-Forwarded-For", () => {
  it("of a trusted proxy tells the address that is the last of no trusted one", () => {
    for (const [list, address] of [
      ["192.0.2.1", "192.0.2.1"],
      ["6.6.6.6, 192.0.2.1", "192.0.2.1"],
      ["6.6.6.6, 192.0.2.1, 10.0.0.9,10.0.0.8", "192.0.2.1"],
      ["10.0.0.9,  10.0.0.8", "10.0.0.9"],
      ["192.0.2.1:4711", "192.0.2.1"],
      ['"192.0.2.1:4711"', "192.0.2.1"],
      ["::ffff:192.0.2.1", "192.0.2.1"],
      ["::FFFF:c000:201", "192.0.2.1"],
      ["192.0.2.1, ::ffff:10.0.0.1", "192.0.2.1"],
      ["2001:DB8:2::1", "2001:db8:2::1"],
      ["2001:db8:2::1, 2001:db8:1::ffff", "2001:db8:2::1"],
      ["[2001:db8:2::1]", "2001:db8:2::1"],
      ["[2001:db8:2::1]:443, ::1", "2001:db8:2::1"],
      ["192.0.2.1,,\t, ", "192.0.2.1"]
    ] as const) {
      assert.strictEqual(from("x-forwarded-for", list), address, list)
    }
    assert.strictEqual(from("x-forwarded-for", ["6.6.6.6", "192.0.2.1"]), "192.0.2.1")
  })

  it("that holds no address tells that of the proxy that sent it", () => {
    for (const [list, address] of [
      ["", "10.1.2.3"],
      [" , ,", "10.1.2.3"],
      ["unknown", "10.1.2.3"],
      ["192.0.2.1, unknown, 10.0.0.8", "10.0.0.8"],
      ["192.0.2.1, _hidden", "10.1.2.3"],
      ['192.0.2.1, ","x":"', "10.1.2.3"],
      ["192.0.2.1, 192.0.2.300", "10.1.2.3"],
      ["192.0.2.1, 010.0.0.8", "10.1.2.3"],
      ["192.0.2.1, [::1", "10.1.2.3"],
      ["192.0.2.1, 1.2.3.4, 10.0.0.9 10.0.0.8", "10.1.2.3"]
    ] as const) {
      assert.strictEqual(from("x-forwarded-for", list), address, list)
    }
  })

  it("is believed of trusted proxies only", () => {
    assert.strictEqual(from("x-forwarded-for", "6.6.6.6", "192.0.2.7"), "192.0.2.7")
    assert.strictEqual(from("x-forwarded-for", "6.6.6.6", "11.0.0.1"), "11.0.0.1")
    assert.strictEqual(from("x-forwarded-for", "6.6.6.6", "::ffff:10.0.0.1"), "6.6.6.6")
    assert.strictEqual(from("x-forwarded-for", "6.6.6.6", "2001:db8:1::5"), "6.6.6.6")
    assert.strictEqual(from("x-forwarded-for", "6.6.6.6", "2001:db8:2::5"), "2001:db8:2::5")
    assert.strictEqual(from("x-forwarded-for", "6.6.6.6", null), "6.6.6.6")
    assert.strictEqual(from("x-forwarded-for", "6.6.6.6", null, ["10.0.0.0/8"]), "unix")
    assert.strictEqual(from("x-forwarded-for", "6.6.6.6", "10.1.2.3", []), "10.1.2.3")
    // What one proxy is believed another is not.
    const find = ClientAddress.make({ trusted, header: "x-forwarded-for" })
    const ask = (remoteAddress: string) =>
      find({
        headers: { "x-forwarded-for": "6.6.6.6", forwarded: "for=7.7.7.7" },
        socket: { remoteAddress }
      } as unknown as IncomingMessage)
    assert.deepStrictEqual(["10.0.0.1", "192.0.2.1", "10.0.0.1"].map(ask), ["6.6.6.6", "192.0.2.1", "6.6.6.6"])
  })

  it("of 10,000 addresses is read from its end, and no further than 32 proxies", () => {
    const many = Array.from({ length: 10_000 }, (_, n) => `6.6.${n >> 8}.${n & 255}`).join(",")
    assert.strictEqual(from("x-forwarded-for", `${many},192.0.2.1,10.0.0.1`), "192.0.2.1")
    const proxies = Array.from({ length: 10_000 }, (_, n) => `10.0.${n >> 8}.${n & 255}`).join(",")
    assert.strictEqual(from("x-forwarded-for", proxies), "10.0.38.240")
    assert.strictEqual(from("x-forwarded-for", ",".repeat(100_000)), "10.1.2.3")
  })
})

describe("Forwarded", () => {
  it("of a trusted proxy tells the same", () => {
    for (const [list, address] of [
      ["for=192.0.2.1", "192.0.2.1"],
      ["For=192.0.2.1;proto=https;by=10.0.0.1", "192.0.2.1"],
      ["by=10.0.0.1 ; FOR=192.0.2.1", "192.0.2.1"],
      ['for="192.0.2.1:80"', "192.0.2.1"],
      ['for="[2001:db8:2::1]:4711"', "2001:db8:2::1"],
      ['for="[2001:db8:2::1]:_port"', "2001:db8:2::1"],
      ["for=6.6.6.6, for=192.0.2.1, for=10.0.0.4;host=x", "192.0.2.1"],
      ['for=192.0.2.1;host="a, for=6.6.6.6", for=10.0.0.4', "192.0.2.1"],
      [String.raw`for=192.0.2.1;host="a\", for=6.6.6.6;b=\""`, "192.0.2.1"],
      ['for=", for=192.0.2.1', "192.0.2.1"],
      ['for="6.6.6.6, for=192.0.2.1', "192.0.2.1"]
    ] as const) {
      assert.strictEqual(from("forwarded", list), address, list)
    }
  })

  it("that holds no address tells that of the proxy that sent it", () => {
    for (const list of [
      "",
      "for=unknown",
      'for="_hidden:80"',
      "for=192.0.2.1, for=_gazonk",
      "for=192.0.2.1, proto=https",
      "for=192.0.2.1, for=",
      'for=192.0.2.1, for="192.0.2.2',
      "192.0.2.1",
      `for=192.0.2.1;host="${"a".repeat(600)}"`,
      `for=192.0.2.1;host="${",".repeat(20)}"`,
      '",'.repeat(50_000)
    ]) {
      assert.strictEqual(from("forwarded", list), "10.1.2.3", list.slice(0, 80))
    }
  })
})

describe("--trusted-proxies", () => {
  const decode = Schema.decodeUnknownSync(Proxies)

  it("takes addresses and networks, and rejects what is none", () => {
    const text = "10.0.0.0/8, 192.0.2.7,2001:db8::/32,::1,unix,0.0.0.0/0,::/0,::ffff:10.0.0.0/104"
    assert.lengthOf(decode(text), 8)
    for (const wrong of ["10.0.0.0/33", "10.0.0.1/8", "10.0.0", "::/129", "a.example", "fe80::1%eth0", "10.0.0.0/"]) {
      assert.throws(() => decode(`10.0.0.0/8,${wrong}`), /addresses, networks such as 10\.0\.0\.0\/8/, wrong)
    }
  })

  it("finds an address in as many networks as there may be, mapped or not", () => {
    const many = Array.from({ length: 10_000 }, (_, n) => `10.${n >> 8}.${n & 255}.0/24`)
    assert.strictEqual(from("x-forwarded-for", "192.0.2.1, 10.39.15.9", "10.0.0.1", many), "192.0.2.1")
    assert.strictEqual(from("x-forwarded-for", "192.0.2.1, 10.39.16.9", "10.0.0.1", many), "10.39.16.9")
    assert.strictEqual(from("x-forwarded-for", "6.6.6.6", "10.9.9.9", ["::ffff:10.0.0.0/104"]), "6.6.6.6")
    assert.strictEqual(from("x-forwarded-for", "6.6.6.6", "2001:db8::1", ["0.0.0.0/0"]), "2001:db8::1")
  })

  it("knows every spelling of an address", () => {
    const bits = (text: string) => IpAddress.parse(text)?.bits
    for (const same of ["2001:db8:0:0:0:0:0:1", "2001:0DB8::1", "2001:db8::0.0.0.1", "2001:db8::1%eth0"]) {
      assert.strictEqual(bits(same), 0x20_01_0d_b8_00_00_00_00_00_00_00_00_00_00_00_01n, same)
    }
    assert.strictEqual(bits("::"), 0n)
    assert.strictEqual(bits("1::"), 1n << 112n)
    assert.strictEqual(bits("255.255.255.255"), 0xff_ff_ff_ffn)
  })
})

layer(Simulator.layer({ sessions: 5 }), { excludeTestServices: true })("the address of the client", (it) => {
  it.effect("is in the access log and counts for wrong tokens, as the trusted proxy says and no header beside it", () =>
    Effect.gen(function* () {
      const proxy = yield* start(yield* Simulator, [
        "--trusted-proxies",
        "127.0.0.0/8",
        "--forwarded-header",
        "forwarded"
      ])
      const ask = (address: string, n: number, token = "wrong") =>
        Effect.map(
          get(`${proxy.url}/api/sessions`, {
            headers: {
              forwarded: `for=6.6.6.${n}, for=${address}`,
              "x-forwarded-for": `7.7.7.${n}`,
              "x-api-key": token
            }
          }),
          ({ status }) => status
        )
      const first = yield* Effect.forEach(Array.from({ length: 11 }), (_, n) => ask("192.0.2.1", n))
      assert.deepStrictEqual([...new Set(first)], [401, 429])
      assert.strictEqual(yield* ask("192.0.2.2", 0), 401)
      assert.strictEqual(yield* ask("192.0.2.1", 0, proxy.token), 200)
      const { stderr } = yield* proxy.stop("SIGTERM")
      const lines = stderr.trim().split("\n")
      const addresses = lines.map((line) => String(JSON.parse(line).address))
      assert.deepStrictEqual(addresses, [...first.map(() => "192.0.2.1"), "192.0.2.2", "192.0.2.1"])
    }).pipe(Effect.scoped)
  )

  it.effect("is that of the connection where no proxy is trusted", () =>
    Effect.gen(function* () {
      const proxy = yield* start(yield* Simulator)
      yield* get(`${proxy.url}/`, { headers: { "x-forwarded-for": "6.6.6.6", forwarded: "for=6.6.6.6" } })
      const { stderr } = yield* proxy.stop("SIGTERM")
      assert.strictEqual(JSON.parse(stderr.trim()).address, "127.0.0.1")
    }).pipe(Effect.scoped)
  )
})
