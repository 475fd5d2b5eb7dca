#!/usr/bin/env bash
# A cached page and a 304, side by side: a bare node:http handler with the same bytes, nginx's proxy_cache with one
# worker, and the proxy. Prints requests a second and their ratio to node:http. Needs wrk and nginx (Debian), and a
# built proxy (pnpm build). Runs for about a minute on loopback.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${SECONDS_EACH:-4} connections=${CONNECTIONS:-32} rounds=${ROUNDS:-2}
work=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$work"' EXIT
node=$(command -v node)

"$node" ../../packages/simulator/src/bin.ts --port 4810 --sessions 500 >"$work/simulator.log" & pids+=($!)
sleep 2
export HYPERBROWSER_API_KEY=simulator-key HYPERBROWSER_BASE_URL=http://127.0.0.1:4810
export HB_SESSIONS_PROXY_TOKENS_FILE=$work/tokens.json
token=$("$node" dist/bin.js token create --name bench 2>/dev/null)
serve=("$node" dist/bin.js serve --admin-port 0 --rate 0 --cache-fresh 1h)
"${serve[@]}" --port 4811 --access-log off >"$work/a.log" 2>&1 & pids+=($!)
"${serve[@]}" --port 4821 --access-log all >"$work/b.log" 2>"$work/access.log" & pids+=($!)
sleep 2
curl -fsS -H "x-api-key: $token" 'http://127.0.0.1:4811/api/sessions?page=1' -D "$work/headers" -o "$work/page.json"
etag=$(tr -d '\r' <"$work/headers" | sed -n 's/^etag: //p')

cat >"$work/bare.mjs" <<'JS'
import { readFileSync } from "node:fs"
import { createServer } from "node:http"
const body = readFileSync(process.argv[2])
const etag = process.argv[3]
createServer((request, response) => {
  if (request.headers["if-none-match"] === etag) {
    response.writeHead(304, { etag })
    response.end()
  } else {
    response.writeHead(200, { "content-type": "application/json", "content-length": body.length, etag })
    response.end(body)
  }
}).listen(4812, "127.0.0.1")
JS
"$node" "$work/bare.mjs" "$work/page.json" "$etag" & pids+=($!)

cat >"$work/nginx.conf" <<CONF
worker_processes 1; daemon off; pid $work/nginx.pid; error_log $work/error.log;
events { worker_connections 1024; }
http {
  access_log off;
  proxy_cache_path $work/cache keys_zone=pages:10m;
  server {
    listen 127.0.0.1:4813;
    location / {
      proxy_pass http://127.0.0.1:4812; proxy_cache pages; proxy_cache_valid 200 1h;
      proxy_set_header If-None-Match "";
    }
  }
}
CONF
nginx -p "$work" -c "$work/nginx.conf" 2>/dev/null & pids+=($!)
sleep 1

ticks=$(getconf CLK_TCK)
cpu() { # pid and children: seconds on the processor
  local sum=0 pid
  for pid in "$1" $(cat "/proc/$1/task/$1/children" 2>/dev/null); do
    sum=$((sum + $(awk '{ print $14 + $15 }' "/proc/$pid/stat")))
  done
  awk -v s="$sum" -v t="$ticks" 'BEGIN { print s / t }'
}
measure() { # port, pid, If-None-Match or nothing: requests a second, requests a second of processor time
  local best=0 perCpu=0 before after out rate count
  for _ in $(seq "$rounds"); do
    before=$(cpu "$2")
    out=$(wrk -t1 -c"$connections" -d"${seconds}s" -H "x-api-key: $token" ${3:+-H "If-None-Match: $3"} \
      "http://127.0.0.1:$1/api/sessions?page=1")
    after=$(cpu "$2")
    rate=$(sed -n 's/^Requests\/sec: *//p' <<<"$out")
    count=$(sed -n 's/^ *\([0-9]*\) requests in.*/\1/p' <<<"$out")
    best=$(printf '%s\n%s\n' "$best" "$rate" | sort -g | tail -1)
    perCpu=$(awk -v p="$perCpu" -v c="$count" -v a="$after" -v b="$before" 'BEGIN { x = c / (a - b + 0.01); print (x > p ? x : p) }')
  done
  echo "$best $perCpu"
}
report() { # name, port, pid
  local full not
  full=$(measure "$2" "$3") not=$(measure "$2" "$3" "$etag")
  [ -n "${bare:-}" ] || bare="$full $not"
  awk -v n="$1" -v v="$full $not $bare" 'BEGIN { split(v, x, " ")
    printf "%-28s 200: %6.0f/s (%.2f; per CPU %.2f)  304: %6.0f/s (%.2f; per CPU %.2f)  304 to 200: %.2f\n",
      n, x[1], x[1] / x[5], x[2] / x[6], x[3], x[3] / x[7], x[4] / x[8], x[3] / x[1] }'
}
echo "page of $(stat -c %s "$work/page.json") bytes, wrk -t1 -c$connections, best of $rounds rounds of $seconds s; ratios to node:http"
report "node:http" 4812 "${pids[3]}"
report "nginx proxy_cache, 1 worker" 4813 "${pids[4]}"
report "proxy, no access log" 4811 "${pids[1]}"
report "proxy, access log" 4821 "${pids[2]}"
