/**
 * nginx with one worker as a caching proxy, tuned as its own documentation advises.
 */
import { spawn } from "node:child_process"
import { mkdirSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import type { AddressInfo } from "node:net"
import { disposable, programPath, type Running } from "./processes.ts"

export interface NginxOptions {
  /** An empty folder. */
  readonly folder: string
  readonly token: string
  /** Has the page that is asked for again and again, with an ETag. */
  readonly pageUrl: string
  /** Has every page. */
  readonly listUrl: string
  readonly apiKey: string
}

/** One nginx that listens three times. */
export interface Nginx extends AsyncDisposable {
  readonly quiet: Running
  readonly logging: Running
  /** In front of the whole list; joins concurrent misses. */
  readonly misses: Running
}

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })

const configuration = (options: NginxOptions, ports: readonly [number, number, number]): string => {
  const { apiKey, folder, listUrl, pageUrl, token } = options
  const location = (upstream: string) => `
      if ($allowed = 0) { return 401; }
      proxy_pass ${upstream};
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header If-None-Match "";
      proxy_set_header x-api-key ${apiKey};
      proxy_cache pages;
      proxy_cache_key $server_port$request_uri;
      proxy_cache_valid 200 1h;
      proxy_cache_lock on;
      proxy_ignore_headers Cache-Control Expires Vary;
      add_header X-Cache-Status $upstream_cache_status;`
  const server = (port: number, log: string, upstream: string) => `
  server {
    listen 127.0.0.1:${port};
    access_log ${log};
    location / {${location(upstream)}
    }
  }`
  return `
${process.getuid?.() === 0 ? "user root;" : ""}
worker_processes 1;
daemon off;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events { worker_connections 1024; }
http {
  sendfile on;
  gzip on;
  gzip_types application/json;
  tcp_nopush on;
  keepalive_requests 100000000;
  open_file_cache max=1000 inactive=1h;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/temp;
  proxy_cache_path ${folder}/cache keys_zone=pages:10m use_temp_path=off;
  map_hash_bucket_size 256;
  map $http_x_api_key $allowed { default 0; "${token}" 1; }
${server(ports[0], "off", pageUrl)}
${server(ports[1], `${folder}/access.log combined buffer=64k flush=1s`, pageUrl)}
${server(ports[2], "off", listUrl)}
}
`
}

/** Starts nginx, or gives undefined when it is not installed. */
export const startNginx = async (options: NginxOptions): Promise<Nginx | undefined> => {
  const program = programPath("nginx")
  if (program === undefined) return undefined
  const ports = [await freePort(), await freePort(), await freePort()] as const
  mkdirSync(options.folder, { recursive: true })
  writeFileSync(`${options.folder}/nginx.conf`, configuration(options, ports))
  const child = spawn(program, ["-p", options.folder, "-c", `${options.folder}/nginx.conf`, "-e", "stderr"], {
    stdio: ["ignore", "ignore", "inherit"]
  })
  const [quiet, logging, misses] = ports.map((port) => ({ url: `http://127.0.0.1:${port}`, pid: child.pid ?? 0 }))
  if (quiet === undefined || logging === undefined || misses === undefined) throw new Error("three ports were taken")
  await listening(misses.url)
  // A master that is killed leaves its workers behind.
  return { quiet, logging, misses, ...disposable(child, "SIGTERM") }
}

const listening = async (url: string): Promise<void> => {
  for (let attempt = 0; attempt < 100; attempt++) {
    const answered = await fetch(url).then(
      () => true,
      () => false
    )
    if (answered) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error("nginx does not listen")
}
