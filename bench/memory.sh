#!/usr/bin/env bash
# How much memory `standalone` takes: at rest, after its first requests, and at rest and in use with a million tokens in
# its database. Resident memory of the whole process, in MiB.
#
#   ./memory.sh              a million tokens
#   ROWS=10000 ./memory.sh   fewer
set -euo pipefail
cd "$(dirname "$(realpath -- "$0")")/.."

program=${PASSGATE_BIN:-target/release/passgate}
rows=${ROWS:-1000000}
PATH=$PWD/target/tools:$PATH
for need in "$program" grpcurl jq sqlite3; do
  command -v "$need" >/dev/null || { printf '%s is not there\n' "$need" >&2; exit 1; }
done

folder=$(mktemp -d)
passgate=''
stop() {
  [[ -z $passgate ]] || { kill "$passgate" 2>/dev/null || true; wait "$passgate" 2>/dev/null || true; passgate=''; }
}
trap 'stop; rm -rf "$folder"' EXIT

start() {
  rm -f "$folder/ready.json"
  "$program" --ready-file "$folder/ready.json" standalone --data "$folder/data" --free-ports >/dev/null 2>"$folder/log" &
  passgate=$!
  until [[ -s $folder/ready.json ]]; do
    kill -0 "$passgate" 2>/dev/null || { cat "$folder/log" >&2; exit 1; }
    sleep 0.05
  done
}
at() { jq -r ".listening[\"$1\"]" "$folder/ready.json"; }
resident() { awk -v what="$1" '/^VmRSS/ { printf "%-45s %6.1f MiB\n", what, $2 / 1024 }' "/proc/$passgate/status"; }
call() { # LISTENER METHOD BODY [CREDENTIAL]
  grpcurl -plaintext ${4:+-H "authorization: Bearer $4"} -d "$3" "$(at "$1")" "$2"
}
use() { # SESSION: 300 requests of an administrator
  for _ in $(seq 100); do
    call token passgate.token.v1.TokenService/ListTokens '{"page_size": 100}' "$1" >/dev/null
    call identity passgate.identity.v1.UserService/GetSelf '{}' "$1" >/dev/null
    call gateway passgate.token.v1.TokenService/GetSelf '{}' "$1" >/dev/null
  done
}

password='a long walk on the beach'
start
sleep 2
resident 'first start, at rest'
first=$(cat "$folder/data/first-password")
session=$(call identity passgate.identity.v1.SessionService/SignIn \
  "{\"email\": \"admin@localhost\", \"password\": \"$first\", \"new_password\": \"$password\"}" | jq -r .sessionToken)
resident 'after a sign-in (argon2id)'
use "$session"
resident 'after 300 requests'
stop
start
sleep 2
resident 'started again, at rest'
stop

# Rows that belong to nobody: what counts is that they are there.
sqlite3 "$folder/data/token.db" "
  INSERT INTO token (id, owner, name, description, labels, provisional, create_time, created_by, update_time, revoked_by,
                     revoke_reason, revision)
  SELECT randomblob(16), owner, 'token ' || value, '', '{}', 0, 0, owner, 0, '', '', 1
  FROM (SELECT value, printf('users/00000000-0000-7000-8000-%012x', value) AS owner
        FROM generate_series(1, $rows))"
start
sleep 2
resident "$rows tokens, at rest"
use "$session"
resident "$rows tokens, after 300 requests"
