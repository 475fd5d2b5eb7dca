/**
 * Code of others that a package carries as text, where no resolver sees it.
 */
import { readFileSync } from "node:fs"
import { basename } from "node:path"

export interface Embedded {
  readonly name: string
  readonly version: string
  readonly licence: string
  readonly text: string
}

/** The packages whose code the module holds as a string. */
export const embeddedIn = (file: string): ReadonlyArray<Embedded> => {
  const name = /^httpApi(?:Scalar|Swagger)\.[jt]s$/.exec(basename(file))?.[0]
  if (name === undefined) return []
  const version = /@scalar\/api-reference@(\d+\.\d+\.\d+)/.exec(readFileSync(file, "utf8").slice(0, 2000))?.[1]
  if (version === undefined) throw new Error(`Whose code does ${file} hold? Only Scalar's is known`)
  return [{ name: "@scalar/api-reference", version, licence: "MIT", text: mit("2023-present Scalar") }]
}

/** Texts of licences that packages leave in their repository: who holds the rights, as it is said there. */
const holders: Readonly<Record<string, string>> = { "@redis/client": "2022-2025, Redis, inc." }

/** The text of a licence that the package itself does not bring; undefined where none is known. */
export const textOf = (name: string, licence: string): string | undefined => {
  const holder = holders[name]
  return holder === undefined || licence !== "MIT" ? undefined : mit(holder)
}

const mit = (holder: string): string => `MIT License

Copyright (c) ${holder}

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.`
