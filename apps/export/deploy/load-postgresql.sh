#!/bin/sh
# Brings the table "sessions" of a PostgreSQL database in line with an export in CSV.
#
#   load-postgresql.sh DIRECTORY
#
# Run it after each export, with the variables of psql (PGHOST, PGDATABASE and so on). It is one transaction, and does
# nothing when the database has the generation already. It loads the generations that the database does not have, or,
# after a snapshot, a compaction or --full-refresh, everything. Needs psql 13 or newer and jq; gzip or zstd if the files
# are compressed.
set -eu
cd -- "${1:?give the directory of the export}"

statements=$(jq --raw-output '
  def literal: "\u0027" + gsub("\u0027"; "\u0027\u0027") + "\u0027";
  def program: {none: "cat", gzip: "gzip -dc", zstd: "zstd -dc"}[.];
  .selection as $selection |
  if $selection.format == "csv" and $selection.dialect == "plain" and ($selection.columns | index("id")) then .
  else "the export must be CSV in the plain dialect, with the column id\n" | halt_error(2) end |
  # Another first file, and nothing of what was loaded before is needed.
  (.files[0] // {} | "\(.path) \(.sha256)" | literal) as $base |
  "SELECT coalesce(max(generation), 0) AS loaded, coalesce(bool_and(base <> \($base)), true) AS anew
    FROM sessions_loaded \\gset",
  "SELECT :loaded <> \(.generation) OR :\u0027anew\u0027 AS outdated, :loaded > \(.generation) OR :\u0027anew\u0027 AS anew \\gset",
  "\\if :outdated",
  "\\if :anew",
  "DELETE FROM sessions;",
  "\\set loaded 0",
  "\\endif",
  "CREATE TEMPORARY TABLE columns ON COMMIT DROP AS
    SELECT name, number FROM unnest(ARRAY[\($selection.columns | map(literal) | join(", "))]) WITH ORDINALITY AS _ (name, number);",
  "SELECT format($$ALTER TABLE sessions ADD COLUMN %I text$$, name) FROM columns
    WHERE name NOT IN (SELECT attname FROM pg_attribute WHERE attrelid = $$sessions$$::regclass) \\gexec",
  "SELECT format($$CREATE TEMPORARY TABLE incoming (%s) ON COMMIT DROP$$, string_agg(format($$%I text$$, name), $$, $$ ORDER BY number))
    FROM columns \\gexec",
  "CREATE TEMPORARY TABLE departed (line text) ON COMMIT DROP;",
  # What a column of the file is in the table. PostgreSQL has no year 0, and reads no year of five digits.
  "SELECT string_agg(quote_ident(name), $$, $$) AS columns,
      string_agg(CASE atttypid WHEN $$timestamptz$$::regtype
        THEN format($$CASE WHEN %1$I ~ \u0027^(?!0000)[0-9]{4}-\u0027 THEN %1$I::timestamptz END$$, name)
        ELSE format($$%I::%s$$, name, atttypid::regtype) END, $$, $$) AS cells,
      string_agg(format($$%1$I = excluded.%1$I$$, name), $$, $$) AS changes
    FROM columns JOIN pg_attribute ON attrelid = $$sessions$$::regclass AND attname = name \\gset",
  # Generation by generation: a tombstone voids the rows of its own and of earlier ones.
  ( [ (.files[] | {generation, order: 0, path}), (.tombstones[] | {generation, order: 1, path}) ]
    | sort_by(.generation, .order)[]
    | "SELECT \(.generation) > :loaded AS wanted \\gset",
      "\\if :wanted",
      if .order == 0 then
        "\\copy incoming FROM PROGRAM \u0027\($selection.compress | program) \(.path)\u0027 WITH (FORMAT csv, HEADER)",
        "INSERT INTO sessions (:columns) SELECT :cells FROM incoming ON CONFLICT (id) DO UPDATE SET :changes;",
        "TRUNCATE incoming;"
      else
        # A line of JSON is one cell: these two are in none.
        "\\copy departed FROM \u0027\(.path)\u0027 WITH (FORMAT csv, DELIMITER E\u0027\\x02\u0027, QUOTE E\u0027\\x01\u0027)",
        "DELETE FROM sessions USING departed WHERE id = line::json ->> $$id$$;",
        "TRUNCATE departed;"
      end,
      "\\endif" ),
  "DELETE FROM sessions_loaded;",
  "INSERT INTO sessions_loaded VALUES (\(.generation), \($base));",
  "\\endif"
' manifest.json)

{
  cat <<'SQL'
SET client_min_messages = warning;
CREATE TABLE IF NOT EXISTS sessions_loaded (generation bigint NOT NULL, base text NOT NULL);
-- Another load waits.
LOCK TABLE sessions_loaded IN EXCLUSIVE MODE;
CREATE TABLE IF NOT EXISTS sessions (
  "id" text PRIMARY KEY,
  "teamId" text,
  "status" text,
  "createdAt" timestamptz,
  "startTime" timestamptz,
  "endTime" timestamptz,
  "updatedAt" timestamptz,
  "creditsUsed" double precision,
  "launchState.useUltraStealth" boolean,
  "launchState.useStealth" boolean,
  "launchState.useProxy" boolean,
  "launchState.solveCaptchas" boolean,
  "launchState.solverType" text,
  "launchState.adblock" boolean,
  "launchState.trackers" boolean,
  "launchState.annoyances" boolean,
  "launchState.screen.width" double precision,
  "launchState.screen.height" double precision,
  "launchState.enableWebRecording" boolean,
  "launchState.enableVideoWebRecording" boolean,
  "launchState.enableLogCapture" boolean,
  "launchState.acceptCookies" boolean,
  "launchState.profile.id" text,
  "launchState.profile.persistChanges" boolean,
  "launchState.profile.persistNetworkCache" boolean,
  "launchState.staticIpId" text,
  "launchState.saveDownloads" boolean,
  "launchState.enableWindowManager" boolean,
  "launchState.enableWindowManagerTaskbar" boolean,
  "launchState.viewOnlyLiveView" boolean,
  "launchState.disablePasswordManager" boolean,
  "launchState.enableAlwaysOpenPdfExternally" boolean,
  "launchState.disablePostQuantumKeyAgreement" boolean
);
SQL
  printf '%s\n' "$statements"
} | psql --no-psqlrc --quiet --single-transaction --set ON_ERROR_STOP=1
