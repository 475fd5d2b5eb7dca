/**
 * `store`: an export to a bucket, beside an export to a directory that another program uploads.
 */
import { startRgw } from "@hb-sessions/object-store/Rgw"
import * as Rgw from "@hb-sessions/object-store/Rgw"
import { execFile } from "node:child_process"
import { rmSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { exportOnce, withDirectory } from "./children.ts"
import { compare } from "./Comparison.ts"
import { atLeast, comparisonTable, type Section } from "./Report.ts"
import { programPath } from "./servers/processes.ts"
import { withUpstream } from "./upstream.ts"

const BUCKET = "bench"

/** From exports of 100 sessions, in turns with the same to a directory and an upload of a small file. */
const CAUSE =
  "Whatever the length of the list, a run to the bucket takes 0.12 s longer than one to a directory, for 26 requests one after another, which take the lease, commit, look again and let go. The AWS CLI takes 0.5 s for its start and a small file, and rclone less than 0.1 s for its start."

export const store = async (rounds: number, isQuick: boolean): Promise<Section> => {
  const size = isQuick ? 20_000 : 100_000
  const name = "store"
  const work = `Export ${size.toLocaleString("en")} sessions to CSV in a bucket of Ceph RGW, 100 a page, 16 pages in flight, from an upstream without latency; each from the start of a process to the exit of the last.`
  const aws = programPath("aws")
  if (aws === undefined || !Rgw.isInstalled) {
    const lacking = aws === undefined ? "the AWS CLI" : "Ceph RGW"
    return { name, work, tables: [], claims: [], notes: [`Not run: there is no ${lacking} here.`] }
  }
  const { environment, stop } = await startRgw()
  try {
    const env = { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "", ...environment }
    const upload = async (...args: ReadonlyArray<string>): Promise<string> =>
      (await promisify(execFile)(aws, args, { env })).stdout
    await upload("s3", "mb", `s3://${BUCKET}`)
    const rclone = programPath("rclone")
    const copy = async (program: string, from: string, to: string): Promise<void> => {
      const remote = {
        RCLONE_CONFIG_BENCH_TYPE: "s3",
        RCLONE_CONFIG_BENCH_PROVIDER: "Ceph",
        RCLONE_CONFIG_BENCH_ENV_AUTH: "true",
        RCLONE_CONFIG_BENCH_ENDPOINT: environment["AWS_ENDPOINT_URL_S3"],
        RCLONE_CONFIG_BENCH_REGION: environment["AWS_REGION"],
        RCLONE_CONFIG: "/dev/null"
      }
      const args = ["copyto", "--s3-no-check-bucket", from, `bench:${BUCKET}/${to}`]
      await promisify(execFile)(program, args, { env: { ...env, ...remote } })
    }
    return await withDirectory((directory) =>
      withUpstream(["--sessions", String(size), "--page-size", "100"], async (upstream) => {
        const pace = ["--page-size", "100", "--concurrency", "16"]
        let ours = 0
        const results = await compare({
          contestants: [
            {
              name: "`hb-sessions-export run --out s3://…`",
              run: async () => {
                const args = ["--out", `s3://${BUCKET}/${ours++}`, "--work-dir", join(directory, "work"), ...pace]
                await exportOnce(upstream, args, environment)
                return undefined
              }
            },
            {
              name: "the same to a directory, then `aws s3 cp`",
              run: async () => {
                const out = join(directory, "out")
                await exportOnce(upstream, ["--out", out, ...pace])
                await upload("s3", "cp", "--only-show-errors", join(out, "sessions.csv"), `s3://${BUCKET}/by-hand.csv`)
                rmSync(out, { recursive: true })
                return undefined
              }
            },
            ...(rclone === undefined
              ? []
              : [
                  {
                    name: "the same to a directory, then `rclone copyto`",
                    run: async () => {
                      const out = join(directory, "out")
                      await exportOnce(upstream, ["--out", out, ...pace])
                      await copy(rclone, join(out, "sessions.csv"), "by-rclone.csv")
                      rmSync(out, { recursive: true })
                      return undefined
                    }
                  }
                ])
          ],
          rounds,
          warmups: 0
        })
        const query = ["--query", "Contents[?ends_with(Key, '.csv')].Size", "--output", "json"]
        const sizes: ReadonlyArray<number> = JSON.parse(
          await upload("s3api", "list-objects-v2", "--bucket", BUCKET, ...query)
        )
        if (sizes.length < 2 || new Set(sizes).size !== 1)
          throw new Error(`files of ${sizes.join(", ")} bytes in the bucket`)
        return {
          name,
          work,
          tables: [comparisonTable(results, "ms")],
          claims: [
            atLeast("speed relative to an export and an upload", 0.9, results[1]?.ratio ?? Number.NaN, {
              cause: CAUSE
            }),
            ...(rclone === undefined
              ? []
              : [
                  atLeast("the same with rclone, rather than the AWS CLI", 0.9, results[2]?.ratio ?? Number.NaN, {
                    cause: CAUSE
                  })
                ])
          ],
          notes: [
            "Ours also holds a lease that keeps other runs off, can be resumed from the bucket, and shows a file only when it is complete.",
            ...(rclone === undefined ? ["Without rclone, which is not here."] : [])
          ]
        }
      })
    )
  } finally {
    await stop()
  }
}
