/**
 * Crowds that ask for the same thing at the same moment.
 */
import { createHash } from "node:crypto"
import { Pool } from "undici"

export interface Waves {
  readonly url: string
  readonly token: string
  /** Requests at one moment, each on a connection of its own. */
  readonly size: number
  /** Numbers of the pages, one a wave. */
  readonly pages: ReadonlyArray<number>
}

/** Sends the waves one after the other; gives a digest of the answers, which are the same within a wave. */
export const waves = async ({ pages, size, token, url }: Waves): Promise<string> => {
  const pool = new Pool(url, { connections: size, pipelining: 1 })
  const ask = async (page: number): Promise<string> => {
    const { body, statusCode } = await pool.request({
      method: "GET",
      path: `/api/sessions?page=${page}`,
      headers: { "x-api-key": token }
    })
    const text = await body.text()
    if (statusCode !== 200) throw new Error(`${url} answers ${statusCode}: ${text}`)
    return text
  }
  const digest = createHash("sha256")
  for (const page of pages) {
    const answers = new Set(await Promise.all(Array.from({ length: size }, () => ask(page))))
    if (answers.size !== 1) throw new Error(`${url} gives ${answers.size} answers for page ${page}`)
    for (const answer of answers) digest.update(answer)
  }
  await pool.close()
  return digest.digest("hex")
}
