#!/usr/bin/env bash
# Starts Passgate for ./run.sh: `standalone` as a user has it by default, on a throw-away folder and free ports, with the
# HTTP upstream as the endpoint `bench`, `bench.v1.Echo` as an API, and tokens that may call both. Prints where it is and
# waits; everything ends with it.
#
#   PASSGATE_START=./start-passgate.sh ./run.sh
#
# PASSGATE_BIN names the program; by default what `cargo build --release` made. Needs curl, jq and grpcurl (tests/run.sh
# fetches that into target/tools).
set -euo pipefail
cd "$(dirname "$(realpath -- "$0")")/.."

program=${PASSGATE_BIN:-target/release/passgate}
PATH=$PWD/target/tools:$PATH
for need in "$program" grpcurl jq; do
  command -v "$need" >/dev/null || { printf '%s is not there\n' "$need" >&2; exit 1; }
done

folder=$(mktemp -d)
chmod 700 "$folder"
trap 'kill "$passgate" 2>/dev/null || true; wait "$passgate" 2>/dev/null || true; rm -rf "$folder"' EXIT
trap 'exit 0' TERM INT

"$program" --log-level "${PASSGATE_LOG_LEVEL:-info}" --ready-file "$folder/ready.json" standalone --data "$folder/data" --free-ports >&2 2>"$folder/log" &
passgate=$!
until [[ -s $folder/ready.json ]]; do
  kill -0 "$passgate" 2>/dev/null || { cat "$folder/log" >&2; exit 1; }
  sleep 0.05
done
at() { jq -r ".listening[\"$1\"]" "$folder/ready.json"; }
gateway=$(at gateway) registry=$(at gateway-admin) identity=$(at identity) token=$(at token)

call() { # ADDRESS METHOD BODY [CREDENTIAL]
  grpcurl -plaintext ${4:+-H "authorization: Bearer $4"} -d "$3" "$1" "$2"
}

password='a long walk on the beach'
first=$(cat "$folder/data/first-password")
session=$(call "$identity" passgate.identity.v1.SessionService/SignIn \
  "{\"email\": \"admin@localhost\", \"password\": \"$first\", \"new_password\": \"$password\"}" | jq -r .sessionToken)

call "$registry" passgate.gateway.v1.EndpointService/CreateEndpoint \
  "{\"endpoint\": {\"name\": \"bench\", \"upstream\": \"http://127.0.0.1:$UPSTREAM_HTTP_PORT\"}}" "$session" >/dev/null
call "$registry" passgate.gateway.v1.ApiService/CreateApi \
  "{\"api\": {\"name\": \"bench.v1.Echo\", \"upstream\": \"http://127.0.0.1:$UPSTREAM_GRPC_PORT\"}}" "$session" >/dev/null

# Tokens of API users, at most 100 each: an owner has at most 200 live ones.
grants='"grants": ["endpoints/bench", "apis/bench.v1.Echo/*"]'
made=0 owner=''
: >"$folder/tokens"
while ((made < ${TOKENS:-1})); do
  if ((made % 100 == 0)); then
    owner=$(call "$identity" passgate.identity.v1.ApiUserService/CreateApiUser \
      "{\"name\": \"load $made\", $grants}" "$session" | jq -r .apiUser.id)
  fi
  call "$token" passgate.token.v1.TokenService/CreateToken \
    "{\"name\": \"load $made\", \"owner\": \"api-users/$owner\"}" "$session" | jq -r .secret >>"$folder/tokens"
  made=$((made + 1))
done

bad=$(call "$token" passgate.token.v1.TokenService/CreateToken '{"name": "revoked"}' "$session")
call "$token" passgate.token.v1.TokenService/RevokeToken "{\"id\": $(jq .token.id <<<"$bad")}" "$session" >/dev/null

printf 'pid=%s\nbad_token=%s\nurl=http://%s/endpoints/bench/hello\ngrpc_url=http://%s\ntoken=%s\ntokens_file=%s\n' \
  "$passgate" "$(jq -r .secret <<<"$bad")" "$gateway" "$gateway" "$(head -n 1 "$folder/tokens")" "$folder/tokens"
wait "$passgate"
